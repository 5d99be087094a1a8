package detect

import (
	"strings"
	"testing"
	"testing/fstest"
)

func TestCommandTells(t *testing.T) {
	for line, want := range map[string]string{
		"server --password hunter2":                           "PASSWORD its name says password",
		"server --db-password=hunter2 --port $PORT":           "DB_PASSWORD its name says password",
		"server -token 'abc def'":                             "TOKEN its name says token",
		"server --api-key abcdef":                             "API_KEY its name says api key",
		"DB_PASSWORD=hunter2 ./server":                        "DB_PASSWORD its name says password",
		"./server postgres://shop:hunter2@db/shop":            "CREDENTIAL a URL with a password in it",
		"./server --dsn=postgres://shop:hunter2@db/shop":      "DSN a URL with a password in it",
		`sh -c "./migrate && ./server --password hunter2"`:    "PASSWORD its name says password",
		"./server AKIA" + "IOSFODNN7EXAMPLE":                  "CREDENTIAL an AWS access key",
		"DB=postgres://u:pw@h/db API_TOKEN=abc12345 ./server": "DB a URL with a password in it, API_TOKEN its name says token",
		"":                               "",
		"server --password $DB_PASSWORD": "",
		`server --password "${DB_PASSWORD:?must be set}"`:     "",
		"server --password=$(cat /run/secrets/p)":             "",
		"server --token `cat token`":                          "",
		"server --password-file /run/secrets/p":               "",
		"server --password /run/secrets/p":                    "",
		"server --password-file=p.txt --token-url=http://x":   "",
		"server --token-url https://id.example.com/token":     "",
		"server --token-ttl 60 --secret-name shop":            "",
		"server --token-ttl=60 --access-token-expires-in=15m": "",
		"server --show-password serve":                        "",
		"server --no-password && echo done":                   "",
		"server --password-stdin < p":                         "",
		"server --password && echo":                           "",
		"server --password --verbose":                         "",
		"server --password":                                   "",
		"server --key server.pem --cert server.crt":           "",
		"server --build 0f5c1a7be23d94c8a6b1e07d5c2f4a9e8b7d": "",
		"java -jar app.jar --spring.profiles.active=prod":     "",
		"node --max-old-space-size=4096 dist/main.js":         "",
		"postgres://$USER:$PASSWORD@db/shop":                  "",
		`"$STOA_OUT" --addr=${HOST:-0.0.0.0}:$PORT`:           "",
		"server --key=./tls.key --auth-type basic":            "",
	} {
		var got []string
		for _, found := range commandTells(line) {
			got = append(got, found.variable+" "+found.reason)
		}
		if got := strings.Join(got, ", "); got != want {
			t.Errorf("%s: %q, want %q", line, got, want)
		}
	}
}

// What a command has as plain text is told, with the place and without the value.
func TestCredentialInACommand(t *testing.T) {
	r, err := Detect(t.Context(), fstest.MapFS{
		"package.json": {Data: []byte("{\n\"name\": \"shop\",\n\"scripts\": {\n\"start\": \"node server.js --password hunter2\"}}")},
		"server.js":    {Data: []byte("require('http').createServer().listen(process.env.PORT)")},
		"Procfile":     {Data: []byte("worker: ./work --api-key=hunter3\nrelease: ./migrate --password-file p\n")},
	}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	c := r.Components[0]
	if len(c.Secrets) != 0 {
		t.Errorf("%v are asked for, which would change nothing", c.Secrets)
	}
	for field, want := range map[string]string{
		"credential.PASSWORD": "in the start command looks like a credential (its name says password): write $PASSWORD there, and set it as a secret package.json:4",
		"credential.API_KEY":  "in the command of worker looks like a credential (its name says api key): write $API_KEY there, and set it as a secret Procfile:1",
	} {
		if s, _ := c.Setting(field); s.Value+" "+s.Source != want {
			t.Errorf("%s is %+v", field, s)
		}
	}
	lines := 0
	for _, l := range c.Explain() {
		if strings.Contains(l.Text, "looks like a credential") {
			lines++
		}
	}
	if lines != 2 {
		t.Errorf("it is explained in %d lines, want 2", lines)
	}
}
