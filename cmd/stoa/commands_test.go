package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/klauspost/compress/zstd"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/stoa-platform/stoa/internal/app"
)

// The commands of the scripts, beside stoa and those of testscript.

// patience bounds every wait for something that is certain to come.
const patience = time.Minute

// exits N COMMAND…: runs the command and demands its exit code.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE COMMAND [ARG…]")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec(args[1], args[2:]...)
	var exit *exec.ExitError
	got := 0
	switch {
	case errors.As(err, &exit):
		got = exit.ExitCode()
	case err != nil:
		ts.Fatalf("%v", err)
	}
	if got != want {
		ts.Fatalf("%s exits with %d, want %d", strings.Join(args[1:], " "), got, want)
	}
}

// until PATTERN COMMAND…: runs the command until its output matches.
func until(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: until PATTERN COMMAND [ARG…]")
	}
	pattern, err := regexp.Compile("(?m)" + args[0])
	ts.Check(err)
	deadline := time.Now().Add(patience)
	for ; ; time.Sleep(100 * time.Millisecond) { // asking takes the processors from who is asked
		err := ts.Exec(args[1], args[2:]...)
		out := ts.ReadFile("stdout") + ts.ReadFile("stderr")
		if pattern.MatchString(out) {
			return
		}
		if time.Now().After(deadline) {
			ts.Fatalf("%q does not come: %v\n%s", args[0], err, out)
		}
	}
}

// address NAME DATA: puts the address of the platform on a data folder, once it
// serves, into a variable, and its port into PORT.
func address(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: address VARIABLE DATA")
	}
	deadline := time.Now().Add(patience)
	for {
		if at := app.Endpoint(ts.MkAbs(args[1])); at != "" {
			response, err := http.Get(at + "/readyz")
			if err == nil {
				_ = response.Body.Close()
			}
			if err == nil && response.StatusCode == http.StatusOK {
				ts.Setenv(args[0], at)
				ts.Setenv("PORT", at[strings.LastIndexByte(at, ':')+1:])
				return
			}
		}
		if time.Now().After(deadline) {
			ts.Fatalf("no platform serves on %s", args[1])
		}
	}
}

// appears FILE: waits until there is a file.
func appears(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: appears FILE")
	}
	deadline := time.Now().Add(patience)
	for {
		if _, err := os.Stat(ts.MkAbs(args[0])); err == nil {
			return
		}
		if time.Now().After(deadline) {
			ts.Fatalf("%s does not appear", args[0])
		}
	}
}

// taken ADDRESS: listens on it until the script ends, unless somebody does already.
func taken(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: taken ADDRESS")
	}
	l, err := net.Listen("tcp", args[0])
	if errors.Is(err, syscall.EADDRINUSE) {
		return
	}
	ts.Check(err)
	ts.Defer(func() { _ = l.Close() })
}

// readenv NAME FILE: puts the text of a file into a variable.
func readEnv(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: readenv VARIABLE FILE")
	}
	ts.Setenv(args[0], strings.TrimSpace(ts.ReadFile(args[1])))
}

// commit AGO MESSAGE: commits what is staged, perhaps nothing, as of so long ago.
func commit(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: commit AGO MESSAGE")
	}
	ago, err := time.ParseDuration(args[0])
	ts.Check(err)
	at := time.Now().Add(-ago).UTC().Format(time.RFC3339)
	ts.Check(ts.Exec("env", "GIT_COMMITTER_DATE="+at, "GIT_AUTHOR_DATE="+at, "git", "commit", "-q", "--allow-empty", "-m", args[1]))
}

// fetch URL TEXT: demands that the address answers with the text. Every name
// below localhost is this machine, whatever the resolver says.
func fetch(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: [!] fetch URL TEXT")
	}
	// Right after a change the router may still be busy switching over.
	deadline := time.Now().Add(patience)
	for {
		body, err := get(args[0])
		if strings.Contains(body, args[1]) != neg {
			return
		}
		if time.Now().After(deadline) {
			ts.Fatalf("%s answers %q (%v)", args[0], body, err)
		}
	}
}

// get gives the status and the body of what a URL answers; whatever its host is
// called, it is this machine.
func get(url string) (string, error) {
	client := http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			_, port, err := net.SplitHostPort(addr)
			if err != nil {
				return nil, err
			}
			return (&net.Dialer{}).DialContext(ctx, network, net.JoinHostPort("127.0.0.1", port))
		},
	}}
	response, err := client.Get(url)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(response.Body, 4<<20))
	return fmt.Sprintf("%d %s", response.StatusCode, raw), err
}

// post [/PATH] [HEADER: VALUE…] FILE: posts a file, to /events unless a path is
// given, and leaves "STATUS BODY" in the file answer.
func post(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 1 {
		ts.Fatalf("usage: post [/PATH] [HEADER:VALUE…] FILE")
	}
	path := "/events"
	if len(args) > 1 && strings.HasPrefix(args[0], "/") {
		path, args = args[0], args[1:]
	}
	target, err := url.JoinPath(ts.Getenv("STOA_SERVER"), path)
	ts.Check(err)
	request, err := http.NewRequest(http.MethodPost, target, strings.NewReader(ts.ReadFile(args[len(args)-1])))
	ts.Check(err)
	response, raw := send(ts, request, args[:len(args)-1])
	ts.Check(os.WriteFile(ts.MkAbs("answer"), fmt.Appendf(nil, "%d %s", response.StatusCode, raw), 0o600))
}

// send asks the platform as its admin, with headers as "NAME: VALUE", and gives the
// answer with its body.
func send(ts *testscript.TestScript, request *http.Request, headers []string) (*http.Response, []byte) {
	request.Header.Set("Authorization", "Bearer "+ts.Getenv("STOA_TOKEN"))
	for _, header := range headers {
		name, value, _ := strings.Cut(header, ":")
		request.Header.Set(name, strings.TrimSpace(value))
	}
	response, err := http.DefaultClient.Do(request)
	ts.Check(err)
	defer response.Body.Close()
	raw, err := io.ReadAll(response.Body)
	ts.Check(err)
	return response, raw
}

// get /PATH [HEADER:VALUE…]: gets an address of the platform, as programs other than
// stoa do, demands that it answers, and leaves the body in the file answer and the
// header in answer.header.
func getPath(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 1 || !strings.HasPrefix(args[0], "/") {
		ts.Fatalf("usage: get /PATH [HEADER:VALUE…]")
	}
	request, err := http.NewRequest(http.MethodGet, ts.Getenv("STOA_SERVER")+args[0], nil)
	ts.Check(err)
	response, raw := send(ts, request, args[1:])
	if response.StatusCode != http.StatusOK {
		ts.Fatalf("%s answers %s: %s", args[0], response.Status, raw)
	}
	var header bytes.Buffer
	ts.Check(response.Header.Write(&header))
	ts.Check(os.WriteFile(ts.MkAbs("answer"), raw, 0o600))
	ts.Check(os.WriteFile(ts.MkAbs("answer.header"), header.Bytes(), 0o600))
}

// json FILE PATH [VALUE]: demands a value at a dotted path of a JSON document,
// or only that the path is there; VALUE as =NAME keeps it in an environment variable.
// FILE may be stdout or stderr.
func jsonPath(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) < 2 || len(args) > 3 {
		ts.Fatalf("usage: [!] json FILE PATH [VALUE]")
	}
	decoder := json.NewDecoder(strings.NewReader(ts.ReadFile(args[0])))
	var value any
	ts.Check(decoder.Decode(&value))
	if decoder.More() {
		ts.Fatalf("%s holds more than one JSON document", args[0])
	}
	found := true
	for part := range strings.SplitSeq(args[1], ".") {
		if index, err := strconv.Atoi(part); err == nil {
			list, _ := value.([]any)
			if found = index < len(list); !found {
				break
			}
			value = list[index]
			continue
		}
		m, _ := value.(map[string]any)
		if value, found = m[part]; !found {
			break
		}
	}
	if name, ok := strings.CutPrefix(args[len(args)-1], "="); ok && found && len(args) == 3 {
		ts.Setenv(name, fmt.Sprint(value))
		return
	}
	if found && len(args) == 3 {
		var want any
		if err := json.Unmarshal([]byte(args[2]), &want); err != nil {
			want = args[2]
		}
		found = reflect.DeepEqual(value, want)
	}
	if found == neg {
		ts.Fatalf("at %s of %s stands %v", args[1], args[0], value)
	}
}

// documents N BAD FILE: writes N services of team platform, of which the one
// numbered BAD has a wrong field; 0 is none.
func documents(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: documents N BAD FILE")
	}
	n, err := strconv.Atoi(args[0])
	ts.Check(err)
	bad, err := strconv.Atoi(args[1])
	ts.Check(err)
	f, err := os.Create(ts.MkAbs(args[2]))
	ts.Check(err)
	w := bufio.NewWriter(f)
	for i := 1; i <= n; i++ {
		kind := "backend"
		if i == bad {
			kind = "backened"
		}
		fmt.Fprintf(w, "---\napiVersion: stoa.dev/v1\nkind: Service\nmetadata: {name: many-%d, owner: platform}\nspec: {type: %s}\n", i, kind)
	}
	ts.Check(w.Flush())
	ts.Check(f.Close())
}

// copydir FROM TO: copies the files of a folder.
func copyDir(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: copydir FROM TO")
	}
	ts.Check(os.CopyFS(ts.MkAbs(args[1]), os.DirFS(ts.MkAbs(args[0]))))
}

// unpack FROM TO: unpacks a zstd stream.
func unpack(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: unpack FROM TO")
	}
	d, err := zstd.NewReader(strings.NewReader(ts.ReadFile(args[0])))
	ts.Check(err)
	defer d.Close()
	raw, err := io.ReadAll(d)
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), raw, 0o600))
}

// tamper FROM TO SEQ: copies the export of a ledger and changes one letter of
// the event SEQ; -SEQ leaves the event out, 0 the last fifth of the export.
func tamper(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: tamper FROM TO SEQ")
	}
	seq, err := strconv.Atoi(args[2])
	ts.Check(err)
	lines := bytes.SplitAfter([]byte(ts.ReadFile(args[0])), []byte("\n"))
	var out []byte
	for i, line := range lines {
		event := bytes.HasPrefix(line, fmt.Appendf(nil, `{"event":{"seq":%d,`, max(seq, -seq)))
		switch {
		case seq == 0 && i > len(lines)*4/5, seq < 0 && event:
			continue
		case event:
			line = bytes.Replace(line, []byte("dev.stoa."), []byte("dev.stoat"), 1)
		}
		out = append(out, line...)
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), out, 0o600))
}
