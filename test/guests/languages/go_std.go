// Goroutines, channels, a server and its clients, faults that become panics, timers, child processes.
package main

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

type numbered struct{ n int }

func (e numbered) Error() string { return fmt.Sprint("error ", e.n) }

func workers() {
	in, out := make(chan int, 16), make(chan int, 16)
	var group sync.WaitGroup
	for i := 0; i < 8; i++ {
		group.Add(1)
		go func() {
			defer group.Done()
			for n := range in {
				sum := 0
				for i := 0; i < n*1000; i++ {
					sum += i % 7
				}
				out <- sum
			}
		}()
	}
	go func() {
		for i := 0; i < 200; i++ {
			in <- i
		}
		close(in)
		group.Wait()
		close(out)
	}()
	total := 0
	for v := range out {
		total += v
	}
	fmt.Println("workers", total)
}

func server() {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		fmt.Fprintf(w, "%s %s %d", r.Method, r.URL.Path, len(body))
	}))
	defer s.Close()
	var good int32
	var group sync.WaitGroup
	for i := 0; i < 50; i++ {
		group.Add(1)
		go func(i int) {
			defer group.Done()
			r, err := http.Get(fmt.Sprintf("%s/p%d", s.URL, i))
			if err != nil {
				fmt.Println(err)
				return
			}
			body, _ := io.ReadAll(r.Body)
			r.Body.Close()
			if string(body) == fmt.Sprintf("GET /p%d 0", i) {
				atomic.AddInt32(&good, 1)
			}
		}(i)
	}
	group.Wait()
	fmt.Println("server", good)
}

func recovered(name string, work func()) {
	defer func() { fmt.Println(name, recover()) }()
	work()
}

func main() {
	workers()
	server()
	recovered("null", func() {
		var p *numbered
		fmt.Println(p.n)
	})
	recovered("range", func() {
		a, i := []int{1}, len(os.Args)+4
		fmt.Println(a[i])
	})
	recovered("division", func() {
		zero := len(os.Args) - 1
		fmt.Println(1 / zero)
	})
	select {
	case <-time.NewTimer(20 * time.Millisecond).C:
		fmt.Println("timer")
	case <-time.After(30 * time.Second):
		fmt.Println("late")
	}
	out, err := exec.Command("/bin/echo", "child").Output()
	fmt.Print(string(out), err, "\n")
	var e numbered
	fmt.Println(errors.As(fmt.Errorf("wrapped: %w", numbered{3}), &e), e.n)
	// Loops without calls are interrupted by a signal.
	done := make(chan bool)
	go func() {
		for x := 0; ; {
			select {
			case <-done:
				return
			default:
				x++
			}
		}
	}()
	go func() {
		for x := 0; ; {
			x++
		}
	}()
	time.Sleep(30 * time.Millisecond)
	done <- true
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	fmt.Println("collected", stats.NumGC > 0)
	os.Exit(3)
}
