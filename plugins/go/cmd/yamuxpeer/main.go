// Command yamuxpeer is one end of an unmodified hashicorp/yamux session, over the unix socket that it is told to
// connect to. It sends back what arrives on each stream, and obeys lines on standard input, with one line of
// answer each:
//
//	open 20 100000   opens 20 streams, sends up to 100000 bytes on each, and compares what comes back
//	ping             asks the other end whether it is there
//	leave-open       opens a stream, closes its own side, and waits until the other end's doing ends it
//	goaway           takes no more streams
//	streams          says how many are open
//	close            ends the session
package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand"
	"net"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/yamux"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "yamuxpeer:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) < 2 || len(args) > 3 {
		return errors.New("usage: yamuxpeer client|server SOCKET [CLOSE_TIMEOUT]")
	}
	conn, err := net.Dial("unix", args[1])
	if err != nil {
		return err
	}
	config := yamux.DefaultConfig()
	config.LogOutput = os.Stderr
	if len(args) == 3 {
		if config.StreamCloseTimeout, err = time.ParseDuration(args[2]); err != nil {
			return err
		}
	}
	open := yamux.Client
	if args[0] == "server" {
		open = yamux.Server
	}
	session, err := open(conn, config)
	if err != nil {
		return err
	}
	defer session.Close()
	go echoAll(session)

	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		if err := obey(session, lines.Text()); err != nil {
			fmt.Printf("error: %v\n", err)
		}
	}
	return lines.Err()
}

func echoAll(session *yamux.Session) {
	for {
		stream, err := session.AcceptStream()
		if err != nil {
			return
		}
		go func() {
			_, _ = io.Copy(stream, stream)
			_ = stream.Close()
		}()
	}
}

func obey(session *yamux.Session, line string) error {
	command, rest, _ := strings.Cut(line, " ")
	answer := command
	var err error
	switch command {
	case "open":
		var count, size int
		if _, err = fmt.Sscan(rest, &count, &size); err == nil {
			err = openAll(session, count, size)
		}
	case "ping":
		_, err = session.Ping()
	case "leave-open":
		err = leaveOpen(session)
	case "goaway":
		err = session.GoAway()
	case "streams":
		answer = fmt.Sprintf("streams %d", session.NumStreams())
	case "close":
		err = session.Close()
	default:
		err = fmt.Errorf("unknown command %q", command)
	}
	if err != nil {
		return err
	}
	fmt.Println(answer)
	return nil
}

func openAll(session *yamux.Session, count, size int) error {
	failures := make([]error, count)
	var all sync.WaitGroup
	for i := range count {
		all.Add(1)
		go func() {
			defer all.Done()
			failures[i] = roundTrip(session, rand.Intn(size+1))
		}()
	}
	all.Wait()
	return errors.Join(failures...)
}

func roundTrip(session *yamux.Session, size int) error {
	stream, err := session.OpenStream()
	if err != nil {
		return err
	}
	sent := make([]byte, size)
	for i := range sent {
		sent[i] = byte(rand.Int())
	}
	written := make(chan error, 1)
	go func() {
		_, err := stream.Write(sent)
		// Its own side only: the echo still comes.
		written <- errors.Join(err, stream.Close())
	}()
	var received bytes.Buffer
	if _, err := io.CopyN(&received, stream, int64(size)); err != nil {
		return fmt.Errorf("after %d of %d bytes: %w", received.Len(), size, err)
	}
	if err := <-written; err != nil {
		return err
	}
	if n, err := stream.Read(make([]byte, 1)); n != 0 || err != io.EOF {
		return fmt.Errorf("no end after the last byte: %d bytes, %v", n, err)
	}
	if !bytes.Equal(sent, received.Bytes()) {
		return fmt.Errorf("%d bytes came back changed", size)
	}
	return nil
}

func leaveOpen(session *yamux.Session) error {
	stream, err := session.OpenStream()
	if err != nil {
		return err
	}
	if err := stream.Close(); err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, stream)
	if errors.Is(err, yamux.ErrConnectionReset) {
		return nil
	}
	return err
}
