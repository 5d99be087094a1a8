package app_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// Half a form is no form: what has not come would count as left empty.
func TestFormThatBreaksOff(t *testing.T) {
	t.Parallel()
	p := open(t, "")
	at, err := url.Parse(p.url)
	if err != nil {
		t.Fatal(err)
	}
	for what, body := range map[string]string{
		"breaks off":   "Content-Length: 100\r\n\r\nto=dark&next=",
		"is too large": "Content-Length: 1048577\r\n\r\n" + strings.Repeat("a", 1<<20+1),
	} {
		conn, err := net.Dial("tcp", net.JoinHostPort("127.0.0.1", at.Port()))
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		fmt.Fprintf(conn, "POST /theme HTTP/1.1\r\nHost: %s\r\nContent-Type: application/x-www-form-urlencoded\r\n%s", at.Host, body)
		if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
			t.Fatal(err)
		}
		answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatal(err)
		}
		page, _ := io.ReadAll(answer.Body)
		if answer.StatusCode < 400 || len(answer.Cookies()) > 0 || !strings.Contains(string(page), "the form") {
			t.Errorf("a form that %s is answered %s, with cookies %v", what, answer.Status, answer.Cookies())
		}
	}
}
