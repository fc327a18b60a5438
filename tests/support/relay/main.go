// relay lets pods reach servers on the loopback of the machine that runs the tests, which no address leads to.
//
// The tests' side keeps idle connections to the first port (tests/support/relay.ts). A connection from a pod to one of
// the other ports takes an idle one, which first carries the number of that port, is confirmed by one byte once the
// server has been reached, and then is the connection.
//
// Usage: relay <port of the tests' side> <port for pods>...
package main

import (
	"io"
	"log"
	"net"
	"os"
	"time"
)

var idle = make(chan *net.TCPConn, 64)

func accept(port string, serve func(*net.TCPConn)) {
	listener, err := net.Listen("tcp", ":"+port)
	if err != nil {
		log.Fatal(err)
	}
	for {
		connection, err := listener.Accept()
		if err != nil {
			log.Fatal(err)
		}
		go serve(connection.(*net.TCPConn))
	}
}

// reach takes idle connections until one of them leads to the server.
func reach(server int) *net.TCPConn {
	deadline := time.After(20 * time.Second)
	for {
		select {
		case <-deadline:
			return nil
		case candidate := <-idle:
			answer := []byte{0}
			candidate.SetDeadline(time.Now().Add(5 * time.Second))
			if _, err := candidate.Write([]byte{byte(server)}); err == nil {
				if _, err := io.ReadFull(candidate, answer); err == nil {
					candidate.SetDeadline(time.Time{})
					return candidate
				}
			}
			candidate.Close()
		}
	}
}

func join(one, other *net.TCPConn) {
	done := make(chan bool, 2)
	for _, pair := range [][2]*net.TCPConn{{one, other}, {other, one}} {
		go func() {
			io.Copy(pair[0], pair[1])
			pair[0].CloseWrite()
			done <- true
		}()
	}
	<-done
	<-done
	one.Close()
	other.Close()
}

func main() {
	for server, port := range os.Args[2:] {
		go accept(port, func(pod *net.TCPConn) {
			if tests := reach(server); tests != nil {
				join(pod, tests)
			} else {
				pod.Close()
			}
		})
	}
	accept(os.Args[1], func(connection *net.TCPConn) {
		select {
		case idle <- connection:
		default:
			connection.Close()
		}
	})
}
