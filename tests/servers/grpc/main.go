// A gRPC server by grpc-go: the health service, on a free port, which it prints. With a number: its idle limit in
// seconds, after which it ends connections by GOAWAY. At SIGTERM it prints how many calls it served.
package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/signal"
	"strconv"
	"sync/atomic"
	"syscall"
	"time"

	"google.golang.org/grpc"
	_ "google.golang.org/grpc/encoding/gzip"
	"google.golang.org/grpc/health"
	pb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/keepalive"
)

func main() {
	var n atomic.Int64
	options := []grpc.ServerOption{grpc.UnaryInterceptor(func(c context.Context, r any, _ *grpc.UnaryServerInfo,
		h grpc.UnaryHandler) (any, error) {
		n.Add(1)
		return h(c, r)
	})}
	if len(os.Args) > 1 {
		s, _ := strconv.Atoi(os.Args[1])
		options = append(options, grpc.KeepaliveParams(keepalive.ServerParameters{MaxConnectionAge: time.Duration(s) * time.Second}))
	}
	server := grpc.NewServer(options...)
	pb.RegisterHealthServer(server, health.NewServer())
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	fmt.Println(l.Addr().(*net.TCPAddr).Port)
	end := make(chan os.Signal, 1)
	signal.Notify(end, syscall.SIGTERM)
	go server.Serve(l)
	<-end
	fmt.Println(n.Load())
}
