// Checks checkpoints and proofs with the packages of Go's checksum database, which share nothing with this service.
//
// Reads one JSON object a line from standard input and answers each with a line: "ok", or "no" and the reason.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

type question struct {
	Kind    string // "checkpoint", "inclusion" or "consistency"
	Key     string
	Note    []byte
	Origin  string
	Size    int64
	Root    []byte
	Index   int64
	Leaf    []byte
	OldSize int64
	OldRoot []byte
	Proof   [][]byte
}

func hash(raw []byte) (h tlog.Hash) {
	copy(h[:], raw)
	return h
}

func hashes(raws [][]byte) []tlog.Hash {
	found := make([]tlog.Hash, len(raws))
	for i, raw := range raws {
		found[i] = hash(raw)
	}
	return found
}

func check(q question) error {
	switch q.Kind {
	case "checkpoint":
		verifier, err := note.NewVerifier(q.Key)
		if err != nil {
			return err
		}
		opened, err := note.Open(q.Note, note.VerifierList(verifier))
		if err != nil {
			return err
		}
		said := fmt.Sprintf("%s\n%d\n%s\n", q.Origin, q.Size, hash(q.Root))
		if opened.Text != said {
			return fmt.Errorf("the note says %q, not %q", opened.Text, said)
		}
		return nil
	case "inclusion":
		return tlog.CheckRecord(hashes(q.Proof), q.Size, hash(q.Root), q.Index, hash(q.Leaf))
	case "consistency":
		return tlog.CheckTree(hashes(q.Proof), q.Size, hash(q.Root), q.OldSize, hash(q.OldRoot))
	}
	return fmt.Errorf("not a kind of question: %q", q.Kind)
}

func main() {
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<20)
	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	for lines.Scan() {
		var q question
		err := json.Unmarshal(lines.Bytes(), &q)
		if err == nil {
			err = check(q)
		}
		if err != nil {
			fmt.Fprintf(out, "no %v\n", err)
		} else {
			fmt.Fprintln(out, "ok")
		}
	}
}
