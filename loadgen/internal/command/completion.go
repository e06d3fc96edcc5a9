package command

import (
	"fmt"

	"github.com/urfave/cli/v2"
)

const bashCompletion = `# loadgen completion for bash: source <(loadgen completion bash)
_loadgen() {
  local cur words opts
  cur="${COMP_WORDS[COMP_CWORD]}"
  words=("${COMP_WORDS[@]:0:$COMP_CWORD}")
  # A lone -- would end the flags; - asks for them all.
  if [[ "$cur" == -- ]]; then words+=(-); elif [[ "$cur" == -* ]]; then words+=("$cur"); fi
  opts=$("${words[@]}" --generate-bash-completion 2>/dev/null)
  COMPREPLY=($(compgen -W "${opts}" -- "${cur}"))
}
complete -o bashdefault -o default -F _loadgen loadgen
`

const zshCompletion = `#compdef loadgen
# loadgen completion for zsh: source <(loadgen completion zsh)
_loadgen() {
  local -a opts line
  line=("${(@)words[1,CURRENT-1]}")
  # A lone -- would end the flags; - asks for them all.
  if [[ "${words[CURRENT]}" == -- ]]; then line+=(-)
  elif [[ "${words[CURRENT]}" == -* ]]; then line+=("${words[CURRENT]}"); fi
  opts=("${(@f)$("${line[@]}" --generate-bash-completion 2>/dev/null)}")
  if [[ -n "${opts[1]}" ]]; then _describe 'loadgen' opts; else _files; fi
}
compdef _loadgen loadgen
`

// completionVerb is the verb `completion`.
func completionVerb() *cli.Command {
	return &cli.Command{
		Name:      "completion",
		Usage:     "print the completion script of a shell",
		UsageText: "loadgen completion bash|zsh|fish",
		Description: `Examples:
  source <(loadgen completion bash)
  source <(loadgen completion zsh)
  loadgen completion fish | source`,
		BashComplete: func(c *cli.Context) {
			fmt.Fprintln(c.App.Writer, "bash\nzsh\nfish")
		},
		Action: func(c *cli.Context) error {
			if c.Args().Len() != 1 {
				return usage("completion for which shell? bash, zsh or fish")
			}
			var script string
			var err error
			shell := c.Args().First()
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
				return usage("completion knows bash, zsh and fish, not%s", quoted(shell))
			}
			_, err = fmt.Fprint(c.App.Writer, script)
			return err
		},
	}
}
