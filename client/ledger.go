package client

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"strconv"
)

// Checkpoint is the signed head of the ledger.
type Checkpoint struct {
	Checkpoint string `json:"checkpoint"` // a signed note: origin, size, root hash
	PublicKey  string `json:"publicKey"`  // the verifier key of the note
}

// Checkpoint returns the ledger's signed head.
func (c *Client) Checkpoint(ctx context.Context) (Checkpoint, error) {
	var out Checkpoint
	err := c.do(ctx, http.MethodGet, "/api/v1/ledger/checkpoint", nil, nil, &out)
	return out, err
}

// ProveConsistency returns the hashes, base64, that prove that the ledger of
// the newer size begins with that of the older one.
func (c *Client) ProveConsistency(ctx context.Context, older, newer int64) ([]string, error) {
	var out struct {
		Proof []string `json:"proof"`
	}
	v := url.Values{"from": {strconv.FormatInt(older, 10)}, "to": {strconv.FormatInt(newer, 10)}}
	err := c.do(ctx, http.MethodGet, "/api/v1/ledger/consistency", v, nil, &out)
	return out.Proof, err
}

// Export writes the whole ledger to w, to be verified offline.
func (c *Client) Export(ctx context.Context, w io.Writer) error {
	return c.download(ctx, "/api/v1/ledger/export", w)
}

// Backup writes a copy of the platform's database to w. It is whole if it ends with
// the digests of what is in it, which stoa backup and stoa restore verify.
func (c *Client) Backup(ctx context.Context, w io.Writer) error {
	return c.download(ctx, "/api/v1/backup", w)
}

func (c *Client) download(ctx context.Context, path string, w io.Writer) error {
	response, err := c.open(ctx, http.MethodGet, path, nil, "", nil)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	_, err = io.Copy(w, response.Body)
	return err
}
