package credential_test

import (
	"strings"
	"testing"

	"github.com/stoa-platform/stoa/internal/secret/credential"
)

// Samples are joined from parts so that scanners of source do not take them for real.
func j(parts ...string) string { return strings.Join(parts, "") }

func TestLooks(t *testing.T) {
	for _, tt := range []struct{ key, value, reason string }{
		{"DB_PASSWORD", "hunter2", "its name says password"},
		{"PASSWORD", "12345", "its name says password"},
		{"db.password", "x", "its name says password"},
		{"dbPassword", "x", "its name says password"},
		{"PGPASSWORD", "x", "its name says pgpassword"},
		{"MYSQL_PWD", "x", "its name says pwd"},
		{"SMTP_PASS", "letmein", "its name says pass"},
		{"SESSION_SECRET", "keyboard cat", "its name says secret"},
		{"GITHUB_TOKEN", "whatever", "its name says token"},
		{"API_KEY", "abc", "its name says api key"},
		{"apiKey", "abc", "its name says api key"},
		{"STRIPE_APIKEY", "abc", "its name says apikey"},
		{"AWS_SECRET_ACCESS_KEY", "abc", "its name says secret"},
		{"ENCRYPTION_KEY", "abc", "its name says encryption key"},
		{"SECRET_KEY_BASE", "abc", "its name says secret"},
		{"CREDENTIALS", "abc", "its name says credentials"},
		{"X", j("AKIA", "IOSFODNN7EXAMPLE"), "an AWS access key"},
		{"AWS_ACCESS_KEY_ID", j("AKIA", "IOSFODNN7EXAMPLE"), "an AWS access key"},
		{"X", j("ghp_", strings.Repeat("a1B2", 9)), "a GitHub token"},
		{"X", j("github_pat_", strings.Repeat("a1", 15)), "a GitHub token"},
		{"X", j("glpat-", strings.Repeat("a1", 10)), "a GitLab token"},
		{"X", j("xox", "b-123456789012-abc"), "a Slack token"},
		{"URL", j("https://hooks.slack.com/services/", "T00000000/B00000000/XXXXXXXX"), "a Slack webhook"},
		{"X", j("sk_", "live_4eC39HqLyjWDarjtT1"), "a Stripe key"},
		{"X", j("sk-", "proj-abcdefghijklmnopqrst"), "an API key"},
		{"X", j("AIza", strings.Repeat("a1B2_", 7)), "a Google API key"},
		{"X", j("npm_", strings.Repeat("a1B2", 9)), "an npm token"},
		{"X", j("hvs.", strings.Repeat("a1B2", 6)), "a Vault token"},
		{"X", j("stoa_", "7f3a9k2m_", strings.Repeat("abc", 13)), "a token of Stoa"},
		{"X", j("-----BEGIN RSA ", "PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----"), "a private key"},
		{"X", j("-----BEGIN ", "PRIVATE KEY-----"), "a private key"},
		{"X", j("eyJhbGciOiJIUzI1NiJ9.", "eyJzdWIiOiIxMjM0NTY3ODkwIn0.", "dozjgNryP4J3jVmNHl0w5N"), "a JSON web token"},
		{"X", "Bearer abcdefghijklmnop1234", "an Authorization header"},
		{"DATABASE_URL", "postgres://u:p@h/db", "a URL with a password in it"},
		{"X", "redis://:s3cret@cache:6379/0", "a URL with a password in it"},
		{"X", "amqp://guest:guest@mq:5672", "a URL with a password in it"},
		{"X", "mongodb+srv://u:p%40ss@a.b.net,c.d.net/x", "a URL with a password in it"},
		{"X", "https://ann:pw@git.example/r.git", "a URL with a password in it"},
		{"DSN", "host=db user=shop password=hunter2 dbname=shop", "a connection string with a password"},
		{"DSN", "Server=db;User Id=sa;Password=hunter2;", "a connection string with a password"},
		{"JDBC", "jdbc:postgresql://db/shop?user=u&password=p", "a connection string with a password"},
		{"X", j("DefaultEndpointsProtocol=https;AccountKey=", strings.Repeat("a1B2", 11)), "an Azure storage key"},
		{"X", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYzQ8vN2mT5s", "a long random value"},
		{"X", "9f86d081884c7d659a2feaa0c55ad015", "a long random value"},
		{"SALT", "dGhpc1/8Zk2Qp9LxV7mNw0R4", "a long random value"},
	} {
		reason, ok := credential.Looks(tt.key, tt.value)
		if !ok || reason != tt.reason {
			t.Errorf("%s=%s: %q, %v; want %q", tt.key, tt.value, reason, ok, tt.reason)
		}
		if len(tt.value) > 4 && strings.Contains(reason, tt.value) {
			t.Errorf("the reason tells the value: %q", reason)
		}
	}
}

func TestNoCredential(t *testing.T) {
	for _, setting := range []string{
		"LOG_LEVEL=debug", "PORT=8080", "NODE_ENV=production", "TZ=Europe/Vienna", "LANG=de_AT.UTF-8", "PWD=/home/ann", "OLDPWD=/",
		"DATABASE_URL=postgres://db:5432/shop", "DATABASE_URL=postgres://shop@db:5432/shop", "DATABASE_URL=postgres://u:${DB_PASSWORD}@db/shop",
		"URL=https://example.com/a:b@c", "URL=http://user:***@host", "BASE_URL=http://shop.dev.localhost:7700", "IMAGE=ghcr.io/acme/shop:1.2.3",
		"IMAGE_DIGEST=sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
		"GIT_COMMIT=776d7c7a1b2c3d4e5f60718293a4b5c6d7e8f901", "GIT_SHA=776d7c7a1b2c3d4e5f60718293a4b5c6d7e8f901",
		"REQUEST_ID=0b5c2a5e-1c1d-4a53-9a58-0d6c2f8a7e11", "TENANT=0b5c2a5e-1c1d-4a53-9a58-0d6c2f8a7e11",
		"TOKEN_TTL=3600", "MAX_TOKENS=4096", "ACCESS_TOKEN_EXPIRES=15m", "PASSWORD_MIN_LENGTH=12", "PASSWORD_POLICY=strict", "REQUIRE_PASSWORD=true",
		"ACCESS_TOKEN_EXPIRES_IN=15m", "JWT_SECRET_EXPIRES_IN=7d", "JWT_REFRESH_TOKEN_EXPIRATION_TIME=7d", "PASSWORD_SALT_ROUNDS=10", "SECRET_MANAGER_PROJECT=my-proj",
		"TOKEN_CACHE=redis", "CSRF_TOKEN_COOKIE=csrf", "SECRET_KEY_BASE_DUMMY=1", "GIT_REV=776d7c7a1b2c3d4e5f60718293a4b5c6d7e8f901",
		"GPG_KEY=A035C8C19219BA821ECEA86B64E628F8D684696D", "FEATURE_SET=EnableNewCheckoutFlowV2_EnableOAuth2",
		"PASSWORD_FILE=/run/secrets/db", "DB_PASSWORD=/run/secrets/db", "DB_PASSWORD=${DB_PASSWORD}", "DB_PASSWORD=$DB_PASSWORD", "DB_PASSWORD=<password>",
		"DB_PASSWORD=", "SECRET_NAME=shop-db", "TOKEN_URL=https://idp.example/token", "AWS_ACCESS_KEY_ID_FILE=/x", "PUBLIC_KEY=abc",
		"NEXT_PUBLIC_API_KEY=abc", "STRIPE_PUBLISHABLE_KEY=pk_test_abc", "SECRETS_MANAGER=vault", "PASSWORD_RESET_URL=/reset", "KEYBOARD=de", "MONKEY=1",
		"KEY=value", "PARTITION_KEY=customer", "SORT_KEY=created", "COMPASS=north", "BYPASS_CACHE=1", "PASSENGERS=4", "TOKENIZER=cl100k_base", "AUTHOR=ann",
		"CLASS=com.example.checkout.PaymentServiceConfigurationFactory", "HANDLER=MyVeryLongHandlerName2ForRequests", "NAME=my-very-long-service-name-in-production-2",
		"BUCKET=acme-prod-eu-west-1-logs-2026-11", "ARN=arn:aws:s3:::acme-prod-logs-2026", "TOPIC=orders.v1.created,orders.v1.paid", "CORS=https://a.example,https://b.example",
		"FEATURES=NewCheckout,FastSearch2,DarkMode", "JAVA_OPTS=-Xmx512m -XX:+UseG1GC -Dfile.encoding=UTF-8", "GOFLAGS=-trimpath -mod=vendor", "REGEX=^[a-z0-9]{8,}$",
		"CONFIG=eyJsb2ciOiJkZWJ1ZyIsInBvcnQiOjgwODB9", "PATH=/usr/local/sbin:/usr/local/bin:/usr/bin", "DATE=2026-11-22T12:00:00Z", "PHONE=+43123456789012345678",
		"CLIENT_ID=a1B2c3D4e5F6g7H8i9J0k1L2", "TRACEPARENT=00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "ZEROS=00000000000000000000000000000000",
		"NUMBER=12345678901234567890123456789012", "USER_AGENT=Mozilla/5.0", "GREETING=Hello, World! This is Stoa.", "SKU=sk-12", "CSRF_TOKEN_HEADER=X-CSRF-Token",
	} {
		key, value, _ := strings.Cut(setting, "=")
		if reason, ok := credential.Looks(key, value); ok {
			t.Errorf("%s is taken for a credential: %s", setting, reason)
		}
	}
}

func FuzzLooks(f *testing.F) {
	f.Add("DB_PASSWORD", "x")
	f.Add("X", "postgres://u:p@h")
	f.Add("\xff", "\xff\xfe")
	f.Fuzz(func(t *testing.T, key, value string) {
		reason, ok := credential.Looks(key, value)
		if ok != (reason != "") {
			t.Errorf("reason %q, %v", reason, ok)
		}
	})
}
