#include <string.h>
#include <zlib.h>

int main(void)
{
    unsigned char text[4096], packed[8192], back[4096];
    uLongf packed_size = sizeof packed, back_size = sizeof back;
    for (unsigned i = 0; i < sizeof text; i++)
        text[i] = (unsigned char) (i >> 4);
    if (strcmp(zlibVersion(), ZLIB_VERSION) != 0)
        return 1;
    if (compress(packed, &packed_size, text, sizeof text) != Z_OK || packed_size >= sizeof text)
        return 2;
    if (uncompress(back, &back_size, packed, packed_size) != Z_OK || back_size != sizeof text)
        return 3;
    return memcmp(text, back, sizeof text) != 0;
}
