/* Compresses text and reads it back. */
#include <brotli/decode.h>
#include <brotli/encode.h>
#include <string.h>

int main(void)
{
	uint8_t text[4096], packed[4096], back[4096];
	size_t packed_size = sizeof packed, back_size = sizeof back;

	for (unsigned i = 0; i < sizeof text; i++)
		text[i] = (uint8_t)(i >> 4);
	if (!BrotliEncoderCompress(BROTLI_DEFAULT_QUALITY, BROTLI_DEFAULT_WINDOW, BROTLI_MODE_GENERIC, sizeof text, text,
				   &packed_size, packed))
		return 1;
	if (BrotliDecoderDecompress(packed_size, packed, &back_size, back) != BROTLI_DECODER_RESULT_SUCCESS)
		return 2;
	return back_size != sizeof text || memcmp(text, back, sizeof text);
}
