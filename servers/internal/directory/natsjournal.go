package directory

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// The journals are subjects of one stream: a journal's last revision is that of the last message of its subject.

func (n *natsStore) append(journal string, record []byte, expect uint64, done func(uint64, error)) {
	n.submit(&n.writes, &call{subject: journalSubject + journal, header: condition(expect), data: record, done: func(m *nats.Msg, err error) {
		if err != nil {
			done(0, err)
			return
		}
		revision, err := n.parseAck(m.Data)
		done(revision, err)
	}})
}

func (n *natsStore) replay(ctx context.Context, journal string, last uint64, visit func([]byte)) error {
	reached := false
	err := n.consume(ctx, journalStream, jetstream.ConsumerConfig{
		FilterSubject: journalSubject + journal,
		DeliverPolicy: jetstream.DeliverAllPolicy,
	}, func(m jetstream.Msg, revision uint64) {
		reached = reached || revision >= last
		if revision <= last {
			visit(m.Data())
		}
	}, func() bool { return reached })
	if err != nil {
		return fmt.Errorf("%w: read the journal %s: %w", ErrAway, journal, err)
	}
	return nil
}

func (n *natsStore) breaks() uint64 { return n.conn.Stats().Reconnects }

func (n *natsStore) purge(journal string, before uint64, done func(error)) {
	if before == 0 { // to NATS, no number at all: everything
		done(nil)
		return
	}
	request := map[string]any{"filter": journalSubject + journal}
	if before != whatever {
		request["seq"] = before
	}
	body, _ := json.Marshal(request) // strings and numbers cannot fail
	n.submit(&n.reads, &call{subject: "$JS.API.STREAM.PURGE." + journalStream, data: body, done: func(m *nats.Msg, err error) {
		if err == nil {
			var answer struct {
				Error *apiError `json:"error"`
			}
			if err = json.Unmarshal(m.Data, &answer); err == nil && answer.Error != nil {
				err = n.judge(answer.Error)
			}
		}
		done(err)
	}})
}

func (n *natsStore) journals(ctx context.Context) ([]string, error) {
	s, err := n.js.Stream(ctx, journalStream)
	var info *jetstream.StreamInfo
	if err == nil {
		info, err = s.Info(ctx, jetstream.WithSubjectFilter(journalSubject+">"))
	}
	if err != nil {
		return nil, fmt.Errorf("%w: list the journals: %w", ErrAway, err)
	}
	names := make([]string, 0, len(info.State.Subjects))
	for subject := range info.State.Subjects {
		names = append(names, strings.TrimPrefix(subject, journalSubject))
	}
	return names, nil
}
