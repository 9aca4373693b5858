package main

import (
	"encoding/binary"
	"encoding/hex"
	"errors"

	"google.golang.org/protobuf/encoding/protowire"
)

var errMalformed = errors.New("not an OTLP request")

// fields calls `see` with every field of a message that is a message, text or bytes, or a fixed 64-bit number.
func fields(message []byte, see func(number protowire.Number, value []byte)) error {
	for len(message) > 0 {
		number, kind, size := protowire.ConsumeTag(message)
		if size < 0 {
			return errMalformed
		}
		message = message[size:]
		switch kind {
		case protowire.BytesType:
			value, size := protowire.ConsumeBytes(message)
			if size < 0 {
				return errMalformed
			}
			see(number, value)
			message = message[size:]
		default:
			size := protowire.ConsumeFieldValue(number, kind, message)
			if size < 0 {
				return errMalformed
			}
			if kind == protowire.Fixed64Type {
				see(number, message[:size])
			}
			message = message[size:]
		}
	}
	return nil
}

// placed is a span of a request, as its own bytes and those of the resource and scope that it stands under.
type placed struct {
	resource, scope, span []byte
	trace                 [16]byte
	end                   uint64
}

// spansOf calls `see` with each span of an export request.
func spansOf(request []byte, see func(placed)) error {
	var failed error
	keep := func(err error) {
		if err != nil {
			failed = err
		}
	}
	keep(fields(request, func(number protowire.Number, resourceSpans []byte) {
		one := placed{}
		keep(fields(resourceSpans, func(number protowire.Number, value []byte) {
			switch number {
			case 1:
				one.resource = value
			case 2:
				keep(spansOfScope(value, one, see))
			}
		}))
	}))
	return failed
}

func spansOfScope(scopeSpans []byte, one placed, see func(placed)) error {
	var failed error
	err := fields(scopeSpans, func(number protowire.Number, value []byte) {
		switch number {
		case 1:
			one.scope = value
		case 2:
			one.span = value
			if err := fields(value, func(number protowire.Number, value []byte) {
				switch number {
				case 1:
					copy(one.trace[:], value)
				case 8:
					one.end = binary.LittleEndian.Uint64(value)
				}
			}); err != nil {
				failed = err
			}
			see(one)
		}
	})
	return errors.Join(err, failed)
}

func text(trace [16]byte) string { return hex.EncodeToString(trace[:]) }

// appendMessage appends a field that holds a message.
func appendMessage(to []byte, number protowire.Number, message []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(to, number, protowire.BytesType), message)
}
