// net_http.go URL
package main

import (
	"fmt"
	"log"
	"net/http"
	"os"
	"strings"
)

func main() {
	response, err := http.Get(os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	defer response.Body.Close()
	reason := response.Header.Get("EB-REASON-PHRASE")
	_, phrase, _ := strings.Cut(response.Status, " ")
	fmt.Printf("status: %d\nreason: %s\nphrase: %s\n", response.StatusCode, reason, phrase)
}
