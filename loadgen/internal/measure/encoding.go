package measure

import (
	"bytes"
	"compress/zlib"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"sync"
)

// The text form is the HDR V2 compressed one, in base64, as HdrHistogram's tools in all languages
// write and read it: a cookie, a length, and zlib over a header and the buckets. A bucket is a
// zigzag LEB128 number; a negative one is a run of empty buckets.
const (
	cookie           = 0x1c849303 | 0x10
	compressedCookie = 0x1c849304 | 0x10
	cookieMask       = ^uint32(0xf0)
	headerSize       = 40

	maxNumber = 9                   // bytes of a number
	maxPacked = buckets * maxNumber // of all buckets
	maxText   = 1 << 20             // of a histogram that says something in every bucket
)

type header struct {
	Cookie     uint32
	Length     int32 // of what follows the header
	Offset     int32 // of the writer's own arrangement in memory
	Digits     int32
	Lowest     int64
	Highest    int64
	Conversion float64
}

var errCut = errors.New("the histogram's buckets are cut short")

// appendNumber writes a number as HDR does: seven bits a byte, and eight in the ninth.
func appendNumber(b []byte, v int64) []byte {
	u := uint64(v)<<1 ^ uint64(v>>63)
	for i := 0; i < maxNumber-1; i++ {
		if u < 0x80 {
			return append(b, byte(u))
		}
		b = append(b, byte(u)|0x80)
		u >>= 7
	}
	return append(b, byte(u))
}

// number reads one, and says how long it is; 0: it is cut short.
func number(b []byte) (v int64, n int) {
	var u uint64
	for n < len(b) {
		c := uint64(b[n])
		shift := 7 * n
		n++
		if n == maxNumber {
			u |= c << shift
			return int64(u>>1) ^ -int64(u&1), n
		}
		u |= (c & 0x7f) << shift
		if c < 0x80 {
			return int64(u>>1) ^ -int64(u&1), n
		}
	}
	return 0, 0
}

// packer writes buckets, which come in order; several in a row may be the same.
type packer struct {
	b      []byte
	next   int // bucket to write
	bucket int // that is not written yet, as long as n is not 0
	n      uint64
}

func (p *packer) add(bucket int, n uint64) {
	if bucket != p.bucket {
		p.flush()
		p.bucket = bucket
	}
	p.n += n
}

func (p *packer) flush() {
	if p.n == 0 {
		return
	}
	if empty := p.bucket - p.next; empty == 1 {
		p.b = appendNumber(p.b, 0)
	} else if empty > 1 {
		p.b = appendNumber(p.b, -int64(empty))
	}
	p.b = appendNumber(p.b, int64(p.n))
	p.next, p.n = p.bucket+1, 0
}

// bytes is what was written, in no more memory than it needs.
func (p *packer) bytes() []byte {
	p.flush()
	return bytes.Clone(p.b)
}

// pack writes the buckets up to the last one used.
func (h *Histogram) pack() []byte {
	if h.pages == nil {
		return h.packed
	}
	var p packer
	for bucket, n := range h.each {
		p.add(bucket, n)
	}
	return p.bytes()
}

// unpack goes through packed buckets that were checked.
func unpack(packed []byte, yield func(bucket int, n uint64) bool) {
	bucket := 0
	for len(packed) > 0 {
		v, n := number(packed)
		packed = packed[n:]
		switch {
		case v < 0:
			bucket += int(-v)
		case v == 0:
			bucket++
		default:
			if !yield(bucket, uint64(v)) {
				return
			}
			bucket++
		}
	}
}

// check looks at packed buckets of unknown origin, and sums them.
func check(packed []byte) (count uint64, err error) {
	var bucket, sum int64
	for len(packed) > 0 {
		v, n := number(packed)
		if n == 0 {
			return 0, errCut
		}
		packed = packed[n:]
		if v < 0 {
			if v < -buckets {
				return 0, errors.New("the histogram has more buckets than there are")
			}
			bucket -= v
		} else {
			if v > math.MaxInt64-sum {
				return 0, errors.New("the histogram counts more than one can hold")
			}
			sum += v
			bucket++
		}
		if bucket > buckets {
			return 0, errors.New("the histogram has more buckets than there are")
		}
	}
	return uint64(sum), nil
}

var writers = sync.Pool{New: func() any {
	w, _ := zlib.NewWriterLevel(nil, zlib.BestSpeed) // a level that exists is no error
	return w
}}

// MarshalText writes the histogram for a file.
func (h *Histogram) MarshalText() ([]byte, error) {
	var packed []byte
	if h != nil {
		packed = h.pack()
	}
	var b bytes.Buffer
	b.Write(make([]byte, 8))
	w := writers.Get().(*zlib.Writer)
	defer writers.Put(w)
	w.Reset(&b)
	err := binary.Write(w, binary.BigEndian, header{
		Cookie: cookie, Length: int32(len(packed)), Digits: digits, Lowest: 1, Highest: highest, Conversion: 1,
	})
	if err == nil {
		_, err = w.Write(packed)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		return nil, fmt.Errorf("compress a histogram: %w", err)
	}
	binary.BigEndian.PutUint32(b.Bytes(), compressedCookie)
	binary.BigEndian.PutUint32(b.Bytes()[4:], uint32(b.Len()-8))
	return base64.StdEncoding.AppendEncode(nil, b.Bytes()), nil
}

// UnmarshalText reads a histogram that MarshalText or another HDR tool wrote, if it has the same
// buckets. It allocates no more than such a histogram needs, whatever the text is.
func (h *Histogram) UnmarshalText(text []byte) error {
	packed, err := decode(text)
	if err == nil {
		var count uint64
		if count, err = check(packed); err == nil {
			*h = Histogram{count: count, packed: packed}
			return nil
		}
	}
	return fmt.Errorf("read a histogram: %w", err)
}

// readers are zlib's, which are large.
var readers sync.Pool

func inflate(b []byte) (io.ReadCloser, error) {
	z, ok := readers.Get().(io.ReadCloser)
	if !ok {
		return zlib.NewReader(bytes.NewReader(b))
	}
	if err := z.(zlib.Resetter).Reset(bytes.NewReader(b), nil); err != nil {
		return nil, err
	}
	return z, nil
}

func decode(text []byte) ([]byte, error) {
	if len(text) > maxText {
		return nil, fmt.Errorf("its text has %d bytes, and none needs more than %d", len(text), maxText)
	}
	b, err := base64.StdEncoding.AppendDecode(nil, text)
	if err != nil {
		return nil, err
	}
	if len(b) < 8 || binary.BigEndian.Uint32(b)&cookieMask != compressedCookie&cookieMask {
		return nil, errors.New("it is no HDR histogram of the compressed format, version 2")
	}
	length := binary.BigEndian.Uint32(b[4:])
	if b = b[8:]; uint64(length) > uint64(len(b)) {
		return nil, errCut
	}
	z, err := inflate(b[:length])
	if err != nil {
		return nil, err
	}
	defer readers.Put(z)
	var head header
	if err := binary.Read(z, binary.BigEndian, &head); err != nil {
		return nil, fmt.Errorf("its header: %w", err)
	}
	if head.Cookie&cookieMask != cookie&cookieMask {
		return nil, errors.New("it is no HDR histogram of version 2")
	}
	if head.Digits != digits || head.Lowest != 1 || head.Highest != highest {
		return nil, fmt.Errorf("it has %d digits from %d to %d, and loadgen's have %d from 1 to %d microseconds", head.Digits, head.Lowest, head.Highest, digits, highest)
	}
	if head.Length < 0 || head.Length > maxPacked {
		return nil, fmt.Errorf("it claims %d bytes of buckets, and none has more than %d", head.Length, maxPacked)
	}
	packed, err := io.ReadAll(io.LimitReader(z, int64(head.Length)+1)) // grows with what is there, not with what is claimed
	if err != nil {
		return nil, err
	}
	if len(packed) != int(head.Length) {
		return nil, fmt.Errorf("it claims %d bytes of buckets, and has others", head.Length)
	}
	return bytes.Clone(packed), nil
}
