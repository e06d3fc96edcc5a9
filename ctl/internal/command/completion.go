package command

import (
	"fmt"

	"github.com/urfave/cli/v2"
)

const bashCompletion = `# croupier completion for bash: source <(croupier completion bash)
_croupier() {
  local cur words opts
  cur="${COMP_WORDS[COMP_CWORD]}"
  words=("${COMP_WORDS[@]:0:$COMP_CWORD}")
  # A lone -- would end the flags; - asks for them all.
  if [[ "$cur" == -- ]]; then words+=(-); elif [[ "$cur" == -* ]]; then words+=("$cur"); fi
  opts=$("${words[@]}" --generate-bash-completion 2>/dev/null)
  COMPREPLY=($(compgen -W "${opts}" -- "${cur}"))
}
complete -o bashdefault -o default -F _croupier croupier
`

const zshCompletion = `#compdef croupier
# croupier completion for zsh: source <(croupier completion zsh)
_croupier() {
  local -a opts line
  line=("${(@)words[1,CURRENT-1]}")
  # A lone -- would end the flags; - asks for them all.
  if [[ "${words[CURRENT]}" == -- ]]; then line+=(-)
  elif [[ "${words[CURRENT]}" == -* ]]; then line+=("${words[CURRENT]}"); fi
  opts=("${(@f)$("${line[@]}" --generate-bash-completion 2>/dev/null)}")
  if [[ -n "${opts[1]}" ]]; then _describe 'croupier' opts; else _files; fi
}
compdef _croupier croupier
`

// Completion is the verb `completion`.
func Completion() *cli.Command {
	return &cli.Command{
		Name:      "completion",
		Category:  "Other",
		Usage:     "print the completion script of a shell",
		UsageText: "croupier completion bash|zsh|fish",
		Description: `Examples:
  source <(croupier completion bash)
  source <(croupier completion zsh)
  croupier completion fish | source`,
		BashComplete: func(c *cli.Context) {
			fmt.Fprintln(c.App.Writer, "bash\nzsh\nfish")
		},
		Action: func(c *cli.Context) error {
			shell, err := one(c, "shell: bash, zsh or fish")
			if err != nil {
				return err
			}
			var script string
			switch shell {
			case "bash":
				script = bashCompletion
			case "zsh":
				script = zshCompletion
			case "fish":
				if script, err = c.App.ToFishCompletion(); err != nil {
					return fmt.Errorf("write the completion for fish: %w", err)
				}
			default:
				return usage("completion knows bash, zsh and fish, not %q", shell)
			}
			_, err = fmt.Fprint(c.App.Writer, script)
			return err
		},
	}
}
