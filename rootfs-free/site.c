/* SPDX-License-Identifier: ISC */
/* The site: for each file the heads of its responses (sdk/http/site.h says in what parts), its bytes,
 * and its bytes packed by gzip where that makes them fewer. The same files give the same output: tags
 * are made of the contents, and gzip writes no name and no time. */
#include "embed.h"
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* A packed variant is worth it if it saves more than what its head costs. */
#define WORTH_BYTES 64

static const char *const types[][2] = {
    {"html", "text/html; charset=utf-8"},
    {"htm", "text/html; charset=utf-8"},
    {"css", "text/css; charset=utf-8"},
    {"js", "text/javascript; charset=utf-8"},
    {"mjs", "text/javascript; charset=utf-8"},
    {"json", "application/json"},
    {"map", "application/json"},
    {"webmanifest", "application/manifest+json"},
    {"txt", "text/plain; charset=utf-8"},
    {"md", "text/markdown; charset=utf-8"},
    {"csv", "text/csv; charset=utf-8"},
    {"xml", "application/xml"},
    {"atom", "application/atom+xml"},
    {"rss", "application/rss+xml"},
    {"svg", "image/svg+xml"},
    {"png", "image/png"},
    {"jpg", "image/jpeg"},
    {"jpeg", "image/jpeg"},
    {"gif", "image/gif"},
    {"webp", "image/webp"},
    {"avif", "image/avif"},
    {"ico", "image/x-icon"},
    {"woff", "font/woff"},
    {"woff2", "font/woff2"},
    {"ttf", "font/ttf"},
    {"otf", "font/otf"},
    {"mp3", "audio/mpeg"},
    {"ogg", "audio/ogg"},
    {"wav", "audio/wav"},
    {"mp4", "video/mp4"},
    {"webm", "video/webm"},
    {"wasm", "application/wasm"},
    {"pdf", "application/pdf"},
    {"zip", "application/zip"},
    {"gz", "application/gzip"},
};

static const char *type_of(const char *name)
{
    const char *dot = strrchr(name, '.'), *slash = strrchr(name, '/');
    if (dot != NULL && (slash == NULL || dot > slash))
        for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
            if (strcasecmp(dot + 1, types[i][0]) == 0)
                return types[i][1];
    return "application/octet-stream";
}

/* Whether the name changes with the contents, as builders of sites make it: there is a part of eight or
 * more hexadecimal digits, some of them decimal, before the last dot: app.3f2a9c1b.js. */
static bool is_fingerprinted(const char *name)
{
    const char *slash = strrchr(name, '/'), *dot = strrchr(name, '.');
    if (dot == NULL || dot < slash)
        return false;
    const char *part = dot;
    bool has_digit = false;
    while (part > slash + 1 && strchr("0123456789abcdef", part[-1]) != NULL)
        has_digit |= *--part <= '9';
    return dot - part >= 8 && has_digit && (part[-1] == '.' || part[-1] == '-');
}

static bool is_hidden(const char *name)
{
    return name[0] == '.' && strcmp(name, ".well-known") != 0;
}

/* FNV-1a, of 64 bits: what tells two versions of a file apart. Returns the file's length. */
static size_t hash_file(const char *path, uint64_t *hash_out)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        embed_fail(strerror(errno), path);
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    size_t len = 0;
    for (int c; (c = getc(file)) != EOF; len++)
        hash = (hash ^ (unsigned)c) * UINT64_C(0x100000001b3);
    if (ferror(file))
        embed_fail(strerror(errno), path);
    fclose(file);
    *hash_out = hash;
    return len;
}

/* gzip -9 -n < from > to; the result's length. */
static size_t pack(const char *from, const char *to)
{
    const pid_t child = fork();
    if (child == 0) {
        const int in = open(from, O_RDONLY), out = open(to, O_WRONLY | O_CREAT | O_TRUNC, 0666);
        if (in < 0 || out < 0 || dup2(in, STDIN_FILENO) < 0 || dup2(out, STDOUT_FILENO) < 0)
            _exit(1);
        unsetenv("GZIP"); /* options of the user's */
        execlp("gzip", "gzip", "-9", "-n", (char *)NULL);
        _exit(1);
    }
    int status = 1;
    struct stat packed;
    if (child < 0 || waitpid(child, &status, 0) != child || status != 0 || stat(to, &packed) != 0)
        embed_fail("gzip failed", from);
    return (size_t)packed.st_size;
}

/* The three parts of a head, each with a label before it. */
static void print_head(const char *label, const char *name, size_t len, uint64_t hash, bool packed,
                       bool has_packed)
{
    printf("%s:\n    .ascii \"HTTP/1.1 200 OK\\r\\nContent-Length: %zu\\r\\n\"\n", label, len);
    printf("%s_type:\n    .ascii \"Content-Type: %s\\r\\n%s\\r\\n\"\n", label, type_of(name),
           packed ? "Content-Encoding: gzip" : "Accept-Ranges: bytes");
    printf("%s_shared:\n    .ascii \"ETag: \\\"%016llx%s\\\"\\r\\nCache-Control: %s\\r\\n%s\"\n", label,
           (unsigned long long)hash, packed ? "-gz" : "",
           is_fingerprinted(name) ? "public, max-age=31536000, immutable" : "no-cache",
           has_packed ? "Vary: Accept-Encoding\\r\\n" : "");
    printf("%s_end:\n", label);
}

static void print_file(const char *folder, const char *out, const char *name, size_t number)
{
    char label[64], packed_name[64];
    uint64_t hash;
    char *path = embed_join(folder, name + 1);
    const size_t len = hash_file(path, &hash);
    snprintf(packed_name, sizeof packed_name, "%zu.gz", number);
    char *packed_path = embed_join(out, packed_name);
    /* Another build of the project may read the file of before: the new one appears whole. */
    snprintf(packed_name, sizeof packed_name, "%zu.gz.%ld", number, (long)getpid());
    char *new_path = embed_join(out, packed_name);
    const size_t packed_len = pack(path, new_path);
    const bool has_packed = packed_len + WORTH_BYTES < len;
    if (has_packed ? rename(new_path, packed_path) != 0 : unlink(new_path) != 0)
        embed_fail(strerror(errno), packed_path);
    snprintf(label, sizeof label, "plain_%zu", number);
    print_head(label, name, len, hash, false, has_packed);
    printf("    .balign 16\nplain_%zu_bytes:\n", number);
    embed_quoted(".incbin", "", path);
    if (has_packed) {
        snprintf(label, sizeof label, "packed_%zu", number);
        print_head(label, name, packed_len, hash, true, true);
        printf("    .balign 16\npacked_%zu_bytes:\n", number);
        embed_quoted(".incbin", "", packed_path);
        printf("    .set packed_%zu_len, %zu\n", number, packed_len);
    } else {
        printf("    .set packed_%zu_len, 0\n", number);
        for (size_t i = 0; i < 5; i++)
            printf("    .set packed_%zu%s, 0\n", number,
                   (const char *const[]){"", "_bytes", "_type", "_shared", "_end"}[i]);
    }
    printf("    .set plain_%zu_len, %zu\n", number, len);
    free(path);
    free(packed_path);
    free(new_path);
}

/* What a path stands for: a file's number, or, for a folder without its slash, none. */
typedef struct entry {
    char *path;
    size_t number;
    bool redirects;
} entry;

static int by_path(const void *a, const void *b)
{
    return strcmp(((const entry *)a)->path, ((const entry *)b)->path);
}

/* A file's own path, and its folder's if it is the index. */
static size_t make_entries(const embed_names *names, entry *entries)
{
    size_t count = 0;
    for (size_t i = 0; i < names->count; i++) {
        const char *name = names->name[i], *base = strrchr(name, '/') + 1;
        entries[count++] = (entry){strdup(name), i, false};
        if (strcmp(base, "index.html") != 0)
            continue;
        entries[count++] = (entry){strndup(name, (size_t)(base - name)), i, false};
        if (base - name > 1)
            entries[count++] = (entry){strndup(name, (size_t)(base - name) - 1), i, true};
    }
    if (count > 0)
        qsort(entries, count, sizeof *entries, by_path);
    return count;
}

/* The bytes of a path that a URI can have as they are (RFC 3986 section 3.3), the others escaped. */
static void print_location(const char *path)
{
    for (; *path != '\0'; path++)
        if (strchr("/-._~", *path) != NULL || (*path >= '0' && *path <= '9') ||
            (*path >= 'A' && *path <= 'Z') || (*path >= 'a' && *path <= 'z'))
            putchar(*path);
        else
            printf("%%%02X", (unsigned)(unsigned char)*path);
}

static void print_entry(const entry *e, size_t i)
{
    static const char *const variants[] = {"plain", "packed"};
    if (e->redirects) {
        printf("    WORD path_%zu, 0, 0, moved_%zu, moved_%zu_end - moved_%zu, 0, 0\n", i, i, i, i);
        printf("    WORD 0, 0, 0, 0, 0, 0\n");
        return;
    }
    printf("    WORD path_%zu\n", i);
    for (size_t j = 0; j < 2; j++) {
        const char *v = variants[j];
        const size_t n = e->number;
        printf("    WORD %s_%zu_bytes, %s_%zu_len, %s_%zu, %s_%zu_end - %s_%zu, "
               "%s_%zu_type - %s_%zu, %s_%zu_shared - %s_%zu\n",
               v, n, v, n, v, n, v, n, v, n, v, n, v, n, v, n, v, n);
    }
}

/* The server refuses paths with control characters, which would spoil logs. */
static void check_name(const char *folder, const char *name)
{
    for (const char *c = name; *c != '\0'; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7f)
            embed_fail("a control character in a file's name: nobody could ask for it; rename it",
                       embed_join(folder, name + 1));
}

void embed_site(const char *folder, const char *out)
{
    const embed_names names = embed_walk(folder, is_hidden);
    entry *entries = calloc(3 * names.count + 1, sizeof *entries);
    if (entries == NULL)
        embed_fail("out of memory", folder);
    const size_t count = make_entries(&names, entries);
    printf("    .section .rodata.fa_http_site, \"a\"\n"
           "    .globl fa_http_site_entries, fa_http_site_count\n");
    for (size_t i = 0; i < names.count; i++)
        check_name(folder, names.name[i]);
    for (size_t i = 0; i < names.count; i++)
        print_file(folder, out, names.name[i], i);
    for (size_t i = 0; i < count; i++) {
        printf("path_%zu:\n", i);
        embed_quoted(".asciz", "", entries[i].path);
        if (!entries[i].redirects)
            continue;
        printf("moved_%zu:\n    .ascii \"HTTP/1.1 301 Moved Permanently\\r\\nContent-Length: 0\\r\\n\"\n"
               "    .ascii \"Location: ", i);
        print_location(entries[i].path);
        printf("/\"\nmoved_%zu_end:\n", i);
    }
    printf("    .balign __SIZEOF_POINTER__\n"
           "fa_http_site_count: WORD %zu\nfa_http_site_entries:\n", count);
    for (size_t i = 0; i < count; i++)
        print_entry(&entries[i], i);
}
