// Command primes is the tests' Go program (GOOS=wasip1 GOARCH=wasm): it
// starts goroutines, allocates, sorts, and prints.
package main

import (
	"fmt"
	"os"
	"sort"
	"strings"
	"sync"
)

// primes sends the primes below limit that leave the given rest modulo 4.
func primes(limit, rest int, out chan<- int, wg *sync.WaitGroup) {
	defer wg.Done()
	composite := make([]bool, limit)
	for i := 2; i < limit; i++ {
		if composite[i] {
			continue
		}
		if i%4 == rest {
			out <- i
		}
		for j := 2 * i; j < limit; j += i {
			composite[j] = true
		}
	}
}

func main() {
	const limit = 20000
	out := make(chan int)
	var wg sync.WaitGroup
	for rest := range 4 {
		wg.Add(1)
		go primes(limit, rest, out, &wg)
	}
	go func() {
		wg.Wait()
		close(out)
	}()
	byLastDigit := map[string][]int{}
	for p := range out {
		digit := fmt.Sprint(p % 10)
		byLastDigit[digit] = append(byLastDigit[digit], p)
	}
	var lines []string
	for digit, ps := range byLastDigit {
		sort.Ints(ps)
		lines = append(lines, fmt.Sprintf("%s: %d primes, the last is %d", digit, len(ps), ps[len(ps)-1]))
	}
	sort.Strings(lines)
	fmt.Println(strings.Join(lines, "\n"))
	fmt.Fprintln(os.Stderr, len(os.Args), "arguments")
	if len(os.Args) > 1 && os.Args[1] == "fail" {
		os.Exit(3)
	}
}
