//go:build linux || darwin

package process

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path"
	"strings"
	"time"

	"github.com/stoa-platform/stoa/internal/runtime"
)

// serveStatic is the life of an instance whose files are served from here.
func (i *instance) serveStatic() past {
	began := time.Now()
	root, err := openStatic(i.w)
	if err != nil {
		return i.unservable(err)
	}
	defer root.Close()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return i.unservable(err)
	}
	server := &http.Server{
		Handler:           &staticSite{files: root.FS(), release: i.w.Release, spa: i.w.SPA},
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       2 * time.Minute,
	}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	i.tell(runtime.StepStarted, "serving %s", i.w.Static)

	port := listener.Addr().(*net.TCPAddr).Port
	i.tell(runtime.StepBound, "bound :%d", port)
	ask := prober{addrs: []string{listener.Addr().String()}}
	a, err := ask.get(i.life, "/")
	if err == nil && a.status >= 400 {
		a.note = "there is no index.html"
	}
	if err == nil {
		i.becomeHealthy(seen{answer: a, port: port, took: time.Since(began)})
		select {
		case err = <-failed:
		case <-i.life.Done():
		}
	}
	if i.life.Err() == nil {
		server.Close()
		return i.unservable(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), i.stopGrace())
	defer cancel()
	if server.Shutdown(ctx) != nil {
		server.Close()
	}
	return past{}
}

func (i *instance) unservable(err error) past {
	exit := runtime.Exit{Code: -1, Time: time.Now().UTC(), Reason: err.Error()}
	return past{exit: exit, failure: &runtime.StartError{
		Key: i.w.Key, Release: i.w.Release, Instance: i.id,
		Reason: runtime.ReasonStatic, Err: err,
		Detail: fmt.Sprintf("cannot serve folder %q: %v", i.w.Static, err),
		Next:   []string{"see whether the build makes that folder"},
	}}
}

// openStatic opens the folder such that no link leads out of the artifact.
func openStatic(w runtime.Workload) (*os.Root, error) {
	dir, err := os.OpenRoot(w.Dir)
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	return dir.OpenRoot(w.Static)
}

// staticSite serves files: "/about" is about.html or about/index.html, what
// begins with a dot is not there (but for /.well-known), folders are not
// listed. 404.html is served for what is not there, if it exists.
type staticSite struct {
	files   fs.FS
	release string
	spa     bool
}

func (s *staticSite) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
		return
	}
	clean := path.Clean("/" + r.URL.Path)
	name := strings.TrimPrefix(clean, "/")
	if hidden(name) {
		s.missing(w, r)
		return
	}
	info, err := fs.Stat(s.files, path.Join(".", name))
	switch {
	case err == nil && info.IsDir():
		index := path.Join(name, "index.html")
		if _, err := fs.Stat(s.files, index); err != nil {
			s.missing(w, r)
			return
		}
		if !strings.HasSuffix(r.URL.Path, "/") { // or relative links would not hold
			target := clean + "/"
			if r.URL.RawQuery != "" {
				target += "?" + r.URL.RawQuery
			}
			http.Redirect(w, r, target, http.StatusMovedPermanently)
			return
		}
		s.serve(w, r, index)
	case err == nil && info.Mode().IsRegular():
		s.serve(w, r, name)
	default:
		if page := name + ".html"; exists(s.files, page) {
			s.serve(w, r, page)
			return
		}
		s.missing(w, r)
	}
}

// hidden keeps .git, .env and their like from the world.
func hidden(name string) bool {
	for part := range strings.SplitSeq(name, "/") {
		if strings.HasPrefix(part, ".") && part != ".well-known" {
			return true
		}
	}
	return false
}

func exists(files fs.FS, name string) bool {
	info, err := fs.Stat(files, name)
	return err == nil && info.Mode().IsRegular()
}

// missing answers for a path that is no file: with the application, which has
// routes of its own, or with 404. A missing script or image stays missing.
func (s *staticSite) missing(w http.ResponseWriter, r *http.Request) {
	switch {
	case s.spa && path.Ext(r.URL.Path) == "" && !hidden(strings.Trim(r.URL.Path, "/")) && exists(s.files, "index.html"):
		s.serve(w, r, "index.html")
	case exists(s.files, "404.html"):
		page, err := fs.ReadFile(s.files, "404.html")
		if err != nil {
			http.Error(w, "not found", http.StatusNotFound)
			return
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.WriteHeader(http.StatusNotFound)
		_, _ = w.Write(page)
	default:
		http.NotFound(w, r)
	}
}

func (s *staticSite) serve(w http.ResponseWriter, r *http.Request, name string) {
	f, err := s.files.Open(name)
	if err != nil {
		status := http.StatusNotFound
		if !errors.Is(err, fs.ErrNotExist) {
			status = http.StatusForbidden
		}
		http.Error(w, http.StatusText(status), status)
		return
	}
	defer f.Close()
	info, err := f.Stat()
	content, seekable := f.(io.ReadSeeker)
	if err != nil || !seekable || !info.Mode().IsRegular() {
		http.NotFound(w, r)
		return
	}
	// Builds may give all files the same time, so that it says nothing about
	// whether another release has another content; the release does.
	w.Header().Set("ETag", fmt.Sprintf(`"%s-%x-%x"`, s.release, info.Size(), info.ModTime().UnixNano()))
	w.Header().Set("Cache-Control", "no-cache")
	http.ServeContent(w, r, name, time.Time{}, content)
}
