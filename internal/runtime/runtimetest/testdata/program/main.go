// Command program behaves in the ways that the conformance suite asks for.
package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"
)

func main() {
	var (
		name     = flag.String("name", "", "answered on /")
		variable = flag.String("var", "PORT", "variable that names the port")
		port     = flag.Int("port", 0, "fixed port, whatever the variable says")
		network  = flag.String("network", "tcp", "tcp, tcp4 or tcp6")
		host     = flag.String("host", "", "address to bind")
		extra    = flag.Int("extra", 0, "another fixed port, bound first, that speaks HTTP too")
		raw      = flag.String("raw", "", "speak no HTTP: greet, close or silent")
		delay    = flag.Duration("delay", 0, "before listening")
		health   = flag.Int("health", 200, "status of the health path")
		path     = flag.String("path", "/healthz", "health path")
		root     = flag.Int("root", 200, "status of /")
		exit     = flag.Int("exit", -1, "print and exit at once with this code")
		once     = flag.String("once", "", "exit with 1 unless this file exists, and make it")
		lines    = flag.Int("lines", 1, "lines to print when starting")
		term     = flag.String("term", "", "on SIGTERM: ignore, or empty for a graceful end")
		worker   = flag.Bool("worker", false, "listen on nothing")
		children = flag.Int("children", 0, "children to start, each with one of its own in a session of its own")
		sleep    = flag.Bool("sleep", false, "only sleep")
		detach   = flag.Bool("detach", false, "with -sleep: start a child in its own session")
		flood    = flag.Bool("flood", false, "print as fast as possible")
	)
	flag.Parse()
	for i := range *lines {
		fmt.Printf("line %d of %s\n", i+1, *name)
	}
	if *exit >= 0 {
		fmt.Fprintln(os.Stderr, "fatal: told to exit")
		os.Exit(*exit)
	}
	if *once != "" {
		if _, err := os.Stat(*once); errors.Is(err, os.ErrNotExist) {
			must(os.WriteFile(*once, nil, 0o600))
			fmt.Println("first time: exit")
			os.Exit(1)
		}
	}
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM)
	if *term == "ignore" {
		signal.Ignore(syscall.SIGTERM)
	}
	if *sleep {
		if *detach {
			start(true, "-sleep", "-term", *term)
		}
		<-signals
		return
	}
	for range *children {
		start(false, "-sleep", "-detach", "-term", *term)
	}
	if *flood {
		go func() {
			block := bytes.Repeat([]byte(strings.Repeat("x", 99)+"\n"), 1000)
			for {
				os.Stdout.Write(block)
			}
		}()
	}
	if *worker {
		<-signals
		fmt.Println("worker ends")
		return
	}
	if *extra != 0 {
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", *extra))
		must(err)
		go http.Serve(l, http.NotFoundHandler())
	}
	time.Sleep(*delay)
	number := strconv.Itoa(*port)
	if *port == 0 {
		number = os.Getenv(*variable)
	}
	l, err := net.Listen(*network, net.JoinHostPort(*host, number))
	must(err)
	if *raw != "" {
		go speak(l, *raw)
		<-signals
		return
	}

	mux := http.NewServeMux()
	if *path != "" {
		mux.HandleFunc("GET "+*path, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(*health) })
	}
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(*root)
		fmt.Fprintf(w, "%s %d", *name, os.Getpid())
	})
	mux.HandleFunc("GET /env/{name}", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, os.Getenv(r.PathValue("name")))
	})
	mux.HandleFunc("POST /write/{file}/{text}", func(_ http.ResponseWriter, r *http.Request) {
		must(os.WriteFile(r.PathValue("file"), []byte(r.PathValue("text")), 0o600))
	})
	mux.HandleFunc("GET /read/{file}", func(w http.ResponseWriter, r *http.Request) {
		text, err := os.ReadFile(r.PathValue("file"))
		if err != nil {
			w.WriteHeader(http.StatusNotFound)
		}
		w.Write(text)
	})
	mux.HandleFunc("GET /slow/{duration}", func(w http.ResponseWriter, r *http.Request) {
		d, _ := time.ParseDuration(r.PathValue("duration"))
		time.Sleep(d)
		fmt.Fprintf(w, "%s %d", *name, os.Getpid())
	})
	mux.HandleFunc("POST /exit/{code}", func(_ http.ResponseWriter, r *http.Request) {
		code, _ := strconv.Atoi(r.PathValue("code"))
		fmt.Println("exit on request")
		os.Exit(code)
	})
	server := &http.Server{Handler: mux}
	go func() { must(server.Serve(l)) }()
	<-signals
	fmt.Println("graceful end")
}

func speak(l net.Listener, how string) {
	for {
		conn, err := l.Accept()
		must(err)
		switch how {
		case "greet":
			fmt.Fprint(conn, "220 program ready\r\n")
			conn.Close()
		case "close":
			conn.Close()
		case "silent": // keep it open
		}
	}
}

func start(session bool, args ...string) {
	cmd := exec.Command(os.Args[0], args...)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: session}
	must(cmd.Start())
}

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "fatal:", err)
		os.Exit(1)
	}
}
