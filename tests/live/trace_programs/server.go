// SPDX-License-Identifier: Apache-2.0

// The program of the second tutorial in docs/trace.md: a web server that answers with a file's text, until SIGTERM.
package main

import (
	"context"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	stop, _ := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	server := http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text, err := os.ReadFile("page.txt")
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		w.Write(text)
	})}
	// Where it listens, for load.sh; a file that is there is complete.
	os.WriteFile("address.new", []byte(listener.Addr().String()), 0600)
	os.Rename("address.new", "address")
	go server.Serve(listener)
	<-stop.Done()
	server.Shutdown(context.Background())
	os.Remove("address")
}
