/* Compresses text with a checksum, reads it back, and notices one changed bit. */
#include <lzma.h>
#include <string.h>

int main(void)
{
	uint8_t text[4096], packed[8192], back[4096];
	size_t size = 0, start = 0, back_size = 0;
	uint64_t memory = 64 << 20;

	for (unsigned i = 0; i < sizeof text; i++)
		text[i] = (uint8_t)(i >> 4);
	if (lzma_easy_buffer_encode(6, LZMA_CHECK_CRC64, NULL, text, sizeof text, packed, &size, sizeof packed))
		return 1;
	if (lzma_stream_buffer_decode(&memory, 0, NULL, packed, &start, size, back, &back_size, sizeof back))
		return 2;
	if (back_size != sizeof text || memcmp(text, back, sizeof text))
		return 3;
	packed[size / 2] ^= 1;
	start = back_size = 0;
	return lzma_stream_buffer_decode(&memory, 0, NULL, packed, &start, size, back, &back_size, sizeof back) == LZMA_OK;
}
