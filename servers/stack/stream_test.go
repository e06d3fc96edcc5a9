package stack

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// asBytes is a codec that carries what the test wrote by hand.
type asBytes struct{}

func (asBytes) Marshal(v any) ([]byte, error)      { return v.([]byte), nil }
func (asBytes) Unmarshal(data []byte, v any) error { *v.(*[]byte) = bytes.Clone(data); return nil }
func (asBytes) Name() string                       { return "proto" }

// stream is a gRPC stream of bytes by hand.
type stream struct {
	grpc.ClientStream
	t    *testing.T
	hang func() // loses the connection
}

func openStream(t *testing.T, address, method string, headers ...string) *stream {
	t.Helper()
	conn, err := grpc.NewClient("passthrough:///"+address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	ctx, cancel := context.WithTimeout(metadata.AppendToOutgoingContext(t.Context(), headers...), patience)
	t.Cleanup(cancel)
	s, err := conn.NewStream(ctx, &grpc.StreamDesc{ServerStreams: true, ClientStreams: true}, method, grpc.ForceCodec(asBytes{}))
	if err != nil {
		t.Fatal(err)
	}
	return &stream{ClientStream: s, t: t, hang: func() { conn.Close() }}
}

// direct is a player of the direct service, as the published format has it.
func direct(t *testing.T, address string, user int, room, seat string, more ...string) *stream {
	t.Helper()
	return openStream(t, address, "/pb.Network/Connect", append([]string{
		"user_id", fmt.Sprint(user), "room_id", room, "seat", seat, "game_name", "dice"}, more...)...)
}

// send sends Msg{1: cmd, 2: data}. The server may have ended the stream: that shows on receive.
func (s *stream) send(op uint32, data ...byte) error {
	b := binary.AppendUvarint([]byte{0x08}, uint64(op))
	if len(data) > 0 {
		b = append(binary.AppendUvarint(append(b, 0x12), uint64(len(data))), data...)
	}
	return s.SendMsg(b)
}

// receive returns the next message's opcode and fields.
func (s *stream) receive() (uint32, fields, error) {
	s.t.Helper()
	var b []byte
	if err := s.RecvMsg(&b); err != nil {
		return 0, fields{}, err
	}
	m := parse(s.t, b)
	var data []byte
	if len(m.bytes[2]) > 0 {
		data = m.bytes[2][0]
	}
	return uint32(m.numbers[1]), parse(s.t, data), nil
}

// until skips messages up to one with the opcode that satisfies ok.
func (s *stream) until(op uint32, ok func(fields) bool) fields {
	s.t.Helper()
	for {
		got, f, err := s.receive()
		if err != nil {
			s.t.Fatalf("receive, waiting for opcode %d: %v", op, err)
		}
		if got == op && (ok == nil || ok(f)) {
			return f
		}
	}
}

// ends reads up to the end of the stream and returns its status.
func (s *stream) ends() codes.Code {
	s.t.Helper()
	for {
		if _, _, err := s.receive(); err != nil {
			if err.Error() == "EOF" {
				return codes.OK
			}
			return status.Code(err)
		}
	}
}
