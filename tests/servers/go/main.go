// servers NAME PORT - net/http or fasthttp on 127.0.0.1. Each answers /count with the number of its other answers.
package main

import (
	"log"
	"net/http"
	"os"
	"strconv"
	"sync/atomic"

	"github.com/valyala/fasthttp"
)

var answers atomic.Int64

func text(path string) string {
	if path == "/count" {
		return strconv.FormatInt(answers.Load(), 10)
	}
	answers.Add(1)
	return "hello"
}

func main() {
	at := "127.0.0.1:" + os.Args[2]
	if os.Args[1] == "fasthttp" {
		log.Fatal(fasthttp.ListenAndServe(at, func(c *fasthttp.RequestCtx) {
			c.WriteString(text(string(c.Path())))
		}))
	}
	log.Fatal(http.ListenAndServe(at, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Write([]byte(text(r.URL.Path)))
	})))
}
