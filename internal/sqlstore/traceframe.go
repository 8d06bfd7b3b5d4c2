package sqlstore

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"sync"

	"github.com/klauspost/compress/zstd"
)

// A frame is a block of payload as it lies on disk:
//
//	magic "ASB1" | plain length u32 | packed length u32 | ordinal u32 |
//	arrival i64 (unix milliseconds) | CRC-32C u32 of the rest of the frame | zstd
//
// all little-endian. The ordinal counts the blocks of a partition.
const (
	frameMagic  = "ASB1"
	frameHeader = 28
	maxBlock    = 1 << 30 // plain bytes; more is a broken header
	blockTarget = 256 << 10
)

type frameHead struct {
	plain, packed int
	ordinal       uint32
	arrival       int64
	sum           uint32
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

var errFrame = errors.New("payload block is damaged")

// codec packs and unpacks blocks. Its encoder is for one goroutine.
type codec struct {
	enc *zstd.Encoder
}

func newCodec() (*codec, error) {
	enc, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1),
		zstd.WithWindowSize(blockTarget), zstd.WithEncoderCRC(false), zstd.WithLowerEncoderMem(true))
	if err != nil {
		return nil, err
	}
	return &codec{enc}, nil
}

// frame appends the frame of plain to dst.
func (c *codec) frame(dst, plain []byte, ordinal uint32, arrival int64) []byte {
	at := len(dst)
	dst = append(dst, make([]byte, frameHeader)...)
	dst = c.enc.EncodeAll(plain, dst)
	h := dst[at : at+frameHeader]
	copy(h, frameMagic)
	le := binary.LittleEndian
	le.PutUint32(h[4:], uint32(len(plain)))
	le.PutUint32(h[8:], uint32(len(dst)-at-frameHeader))
	le.PutUint32(h[12:], ordinal)
	le.PutUint64(h[16:], uint64(arrival))
	le.PutUint32(h[24:], frameSum(dst[at:]))
	return dst
}

func frameSum(frame []byte) uint32 {
	sum := crc32.Update(0, castagnoli, frame[:24])
	return crc32.Update(sum, castagnoli, frame[frameHeader:])
}

func parseHead(h []byte) (frameHead, error) {
	if len(h) < frameHeader || string(h[:4]) != frameMagic {
		return frameHead{}, errFrame
	}
	le := binary.LittleEndian
	head := frameHead{
		plain: int(le.Uint32(h[4:])), packed: int(le.Uint32(h[8:])), ordinal: le.Uint32(h[12:]),
		arrival: int64(le.Uint64(h[16:])), sum: le.Uint32(h[24:]),
	}
	if head.plain > maxBlock || head.packed > maxBlock {
		return frameHead{}, errFrame
	}
	return head, nil
}

// decoders are made on first use: reading is rare beside writing, and each
// holds some memory.
var decoders = sync.Pool{New: func() any {
	dec, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxMemory(maxBlock))
	if err != nil {
		return err
	}
	return dec
}}

// unframe checks a whole frame and returns its content.
func unframe(frame []byte) ([]byte, error) {
	head, err := parseHead(frame)
	if err != nil {
		return nil, err
	}
	if len(frame) != frameHeader+head.packed || frameSum(frame) != head.sum {
		return nil, errFrame
	}
	d := decoders.Get()
	dec, ok := d.(*zstd.Decoder)
	if !ok {
		return nil, d.(error)
	}
	defer decoders.Put(dec)
	plain, err := dec.DecodeAll(frame[frameHeader:], make([]byte, 0, head.plain))
	if err != nil || len(plain) != head.plain {
		return nil, errors.Join(errFrame, err)
	}
	return plain, nil
}
