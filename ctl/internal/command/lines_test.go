package command

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// line runs one command line with a kubeconfig that leads nowhere.
func line(t *testing.T, args ...string) (code int, out, err string) {
	t.Helper()
	t.Setenv("KUBECONFIG", filepath.Join(t.TempDir(), "none"))
	t.Setenv("HOME", t.TempDir())
	var stdout, stderr bytes.Buffer
	code = Run(t.Context(), append([]string{"croupier"}, args...), Streams{In: strings.NewReader(""), Out: &stdout, Err: &stderr})
	return code, stdout.String(), stderr.String()
}

func TestCommandLines(t *testing.T) {
	for _, test := range []struct {
		line string
		code int
		says string // on stderr; on stdout if the code is 0
	}{
		// flags after the argument
		{"scale dice --replicas 3", 2, "write `croupier scale --replicas 3 dice`"},
		{"scale --replicas 3 dice --dry-run", 2, "write `croupier scale --replicas 3 --dry-run dice`"},
		{"canary dice --image croupier/game:v2 -y", 2, "write `croupier canary --image croupier/game:v2 -y dice`"},
		{"canary promote dice --dry-run", 2, "write `croupier canary promote --dry-run dice`"},
		{"rollback dice --to=dice-1 --yes", 2, "write `croupier rollback --to=dice-1 --yes dice`"},
		{"switch --timeout 5s dice --to b", 2, "write `croupier switch --timeout 5s --to b dice`"},
		{"-n there scale dice --replicas 3", 2, "write `croupier scale --namespace there --replicas 3 dice`"},
		{"scale -n there dice --replicas 3", 2, "write `croupier scale --namespace there --replicas 3 dice`"},
		{"--context c scale --namespace there --yes dice --replicas 3", 2, "write `croupier scale --context c --namespace there --yes --replicas 3 dice`"},
		{"build game --tag v1", 2, "write `croupier build --tag v1 game`"},
		// flags that another level would swallow
		{"canary --dry-run promote dice", 2, "write `croupier canary promote --dry-run ...`"},
		{"canary --image x abort dice", 2, "stands before \"abort\""},
		// unknown things name the nearest
		{"scal", 2, "did you mean `croupier scale`?"},
		{"stat", 2, "did you mean `croupier status`?"},
		{"rolback dice", 2, "did you mean `croupier rollback`?"},
		{"frobnicate", 2, "unknown command \"frobnicate\" (see `croupier --help`)"},
		{"canary promot dice", 2, "did you mean `croupier canary promote`?"},
		{"canary abrot", 2, "did you mean `croupier canary abort`?"},
		{"scale --replica 3 dice", 2, "unknown flag --replica; did you mean --replicas?"},
		{"--namespac x status", 2, "did you mean --namespace?"},
		{"status --foo", 2, "unknown flag --foo (see `croupier status --help`)"},
		{"status -z", 2, "unknown flag -z (see"},
		{"token sign --help", 2, "unknown command \"sign\" (see `croupier token --help`)"},
		{"token mnit --user 3", 2, "did you mean `croupier token mint`?"},
		{"canary promot --help", 2, "did you mean `croupier canary promote`?"},
		{"help frobnicate", 2, "unknown command \"frobnicate\""},
		{"scale --replicas many dice", 2, "invalid value \"many\" for flag --replicas"},
		{"token mint --user", 2, "flag needs an argument: --user"},
		// what is missing
		{"scale dice", 2, "write `croupier scale --replicas N dice`"},
		{"scale --replicas 2", 2, "croupier: scale: name the game, or gate"},
		{"canary dice", 2, "write `croupier canary --image IMAGE dice`"},
		{"switch dice", 2, "write `croupier switch --to a dice`"},
		{"switch --to c dice", 2, "to which group?"},
		{"rollback", 2, "name the game"},
		{"rollback dice coin", 2, "croupier: rollback takes one game, not 2: dice coin"},
		{"push", 2, "write `croupier push image --to registry[/path]` or `croupier push message"},
		{"push --to r.example/x --insecure --yes game", 2, "write `croupier push image --to r.example/x`"},
		{"push --to r image", 2, "write `croupier push image --to ...`"},
		{"push massage", 2, "did you mean `croupier push message`?"},
		{"push image", 2, "where to?"},
		{"push image --to https://r.example/x", 2, "no place in a registry"},
		{"push image --to R.example/X", 2, "no place in a registry"},
		{"push image --to r.example/x:v1", 2, "no place in a registry"},
		{"push message --text hello", 2, "give --user ID[,ID...] or --all"},
		{"push message --all --user 7 --text hello", 2, "one of them"},
		{"push message --user 0 --text hello", 2, "users count from 1"},
		{"push message --user x --text hello", 2, `invalid value "x" for flag --user: invalid syntax`},
		{"push message --user 7", 2, "give --text TEXT, or --opcode N"},
		{"push message --user 7 --text a --opcode 9", 2, "one of them"},
		{"push message --user 7 --opcode 0", 2, "from 1 to"},
		{"push message --user 7 --opcode 900 --data %%", 2, "not base64"},
		{"push message --user 7 --opcode 900 --data @nosuch", 2, "nosuch"},
		{"push message --user 7 --text a --data eA==", 2, "goes with --opcode"},
		{"push message --user 7,8 hello --text a", 2, "write `croupier push message --user 7 --user 8 --text a hello`"},
		{"push message --user 7 --text a hello", 2, "takes no argument"},
		{"push message --user 7 --text a --ops 127.0.0.1:1", 2, "write --ops http://127.0.0.1:1"},
		{"push message --user 7 --text a --ops http://127.0.0.1:1", 1, "a gate's is :60016"},
		{"drain", 2, "name the pod"},
		{"drain --ops http://127.0.0.1:1 dice-0", 2, "leave out dice-0"},
		{"drain --ops http://127.0.0.1:1 --delete", 2, "leave out --delete"},
		{"snapshot", 2, "save or check?"},
		{"snapshot chek", 2, "did you mean `croupier snapshot check`?"},
		{"snapshot save", 2, "name the game"},
		{"snapshot check --old x", 2, "give --old and --new"},
		{"snapshot check --old x --new y rooms", 2, "write --from rooms"},
		{"snapshot check --old x --new y --from nosuch", 1, "croupier snapshot save GAME > nosuch"},
		{"snapshot check --old x --new y", 3, "there is no snapshot in standard input"},
		{"deploy --replicas nats=3", 2, "--component nats-three"},
		{"deploy --tag v1 --replicas nats=3", 2, "three with --component nats-three"},
		{"load --kind dev --k3s", 2, "two different clusters"},
		{"deploy dice", 2, "takes no argument"},
		{"deploy --image v2", 2, "not NAME=VALUE"},
		{"deploy --replicas dice=x", 2, "not N or NAME=N"},
		{"deploy --registry r", 2, "--registry needs --tag"},
		{"status -o csv", 2, "unknown output format \"csv\""},
		{"build poker", 2, "choose among game, gate, loadgen, nats"},
		{"build --platform windows/amd64", 2, "is not linux/ARCH"},
		{"completion tcsh", 2, "not \"tcsh\""},
		{"dev --seats 100000", 2, "--seats 100000: from 1 to 64"},
		{"dev --play --seats 2 --bots 2", 2, "2 bots and you do not fit at 2 seats"},
		{"dev --play --verbose", 2, "play in the next terminal"},
		{"dev --gate nonsense", 2, "--gate nonsense is not HOST:PORT"},
		{"dev --game 127.0.0.1:nonsense", 2, "--game 127.0.0.1:nonsense is not HOST:PORT"},
		// no cluster
		{"status", 1, "no kubeconfig, or an empty one: name one with --kubeconfig or $KUBECONFIG"},
		// help
		{"--help", 0, "flags go before the argument"},
		{"canary --help", 0, "croupier canary promote NAME"},
		{"help", 0, "flags go before the argument"},
		{"help scale", 0, "croupier scale --replicas 3 dice"},
		{"help canary promote", 0, "croupier canary promote --yes dice"},
		{"scale --help", 0, "croupier scale --replicas 3 dice"},
		{"deploy --help", 0, "croupier deploy --overlay ab"},
	} {
		code, out, err := line(t, strings.Fields(test.line)...)
		text := err
		if test.code == 0 {
			text = out
		}
		if code != test.code || !strings.Contains(strings.ToLower(text), strings.ToLower(test.says)) {
			t.Errorf("croupier %s: code %d, %q; want %d and %q", test.line, code, text, test.code, test.says)
		}
		if test.code != 0 && out != "" {
			t.Errorf("croupier %s: writes to standard output: %q", test.line, out)
		}
	}
}

func TestHelpListsItself(t *testing.T) {
	for _, cmd := range commands() {
		_, out, _ := line(t, cmd.Name, "--help")
		if strings.Count(out, "--help, -h") != 1 {
			t.Errorf("croupier %s --help does not list --help once:\n%s", cmd.Name, out)
		}
	}
}

// TestEveryVerbExplainsItself holds help to the same form everywhere.
func TestEveryVerbExplainsItself(t *testing.T) {
	for _, cmd := range commands() {
		if cmd.Usage == "" || cmd.Category == "" {
			t.Errorf("%s has no usage line or no category", cmd.Name)
		}
		if !strings.Contains(cmd.Description, "xample") && len(cmd.Subcommands) == 0 {
			t.Errorf("%s has no example", cmd.Name)
		}
	}
}

func TestCompletion(t *testing.T) {
	for _, shell := range []string{"bash", "zsh", "fish"} {
		code, script, err := line(t, "completion", shell)
		if code != 0 || !strings.Contains(script, "croupier") {
			t.Errorf("%s: code %d, %q %q", shell, code, script, err)
		}
	}
	// The library looks at os.Args to see what is being completed.
	defer func(args []string) { os.Args = args }(os.Args)
	os.Args = []string{"croupier", "--generate-bash-completion"}
	_, words, _ := line(t, "--generate-bash-completion")
	for _, cmd := range commands() {
		if !strings.Contains(words, cmd.Name+"\n") && !strings.Contains(words, cmd.Name+":") {
			t.Errorf("completion of `croupier` does not offer %s: %q", cmd.Name, words)
		}
	}
}

// TestBashCompletion runs the script in a shell, against a program that notes
// how it is asked.
func TestBashCompletion(t *testing.T) {
	bash, err := exec.LookPath("bash")
	if err != nil {
		t.Fatalf("completion for bash is tested with bash: %v", err)
	}
	dir := t.TempDir()
	fake := filepath.Join(dir, "croupier")
	if err := os.WriteFile(fake, []byte("#!"+bash+"\necho \"$*\" >"+dir+"/asked\nprintf 'status\\nscale\\nswitch\\n'\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	_, script, _ := line(t, "completion", "bash")
	cmd := exec.CommandContext(t.Context(), bash, "-c", script+`
COMP_WORDS=(croupier sta); COMP_CWORD=1; _croupier; echo "${COMPREPLY[*]}"`)
	cmd.Env = append(os.Environ(), "PATH="+dir+":"+os.Getenv("PATH"))
	out, err := cmd.CombinedOutput()
	if err != nil || strings.TrimSpace(string(out)) != "status" {
		t.Errorf("completes sta to %q (%v)", out, err)
	}
	if asked, err := os.ReadFile(filepath.Join(dir, "asked")); err != nil || strings.TrimSpace(string(asked)) != "--generate-bash-completion" {
		t.Errorf("asked with %q (%v)", asked, err)
	}
}

func TestConfirm(t *testing.T) {
	for _, test := range []struct {
		name   string
		change Change
		ok     bool
		code   int
		out    string
	}{
		{"--yes", Change{Yes: true}, true, ExitOK, "Do it\n  1. first\n  note: mind\n"},
		{"--dry-run", Change{DryRun: true}, false, ExitOK, "Do it\n  1. first\n  note: mind\nDry run: nothing was changed.\n"},
		{"--dry-run --yes", Change{DryRun: true, Yes: true}, false, ExitOK, "Do it\n  1. first\n  note: mind\nDry run: nothing was changed.\n"},
		{"nobody to ask", Change{}, false, ExitRefused, "Do it\n  1. first\n  note: mind\n"},
	} {
		var out, errs bytes.Buffer
		plan := Plan{Title: "Do it"}
		plan.Add("first")
		plan.Note("mind")
		ok, err := test.change.confirm(context.Background(), Streams{In: strings.NewReader("y\n"), Out: &out, Err: &errs}, plan)
		if ok != test.ok || ExitCode(err) != test.code || out.String() != test.out {
			t.Errorf("%s: %t, %v, %q; want %t, code %d, %q", test.name, ok, err, &out, test.ok, test.code, test.out)
		}
	}
}
