void fill(char *buffer, int count);
int guarded(int count) {
    char buffer[64];
    fill(buffer, count);
    return buffer[count];
}
