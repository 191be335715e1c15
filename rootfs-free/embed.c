/* SPDX-License-Identifier: ISC */
/* Makes the assembler source that every program links: its name, the table of its embedded files (see
 * sdk/core/file.h), sorted by name, each taken in by .incbin, and that of its site (site.c), whose
 * packed files it makes in the folder OUT.
 *
 * usage: fata-embed NAME FILES SITE OUT > program.S      (a folder that does not exist holds no files)
 */
#include "embed.h"
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

_Noreturn void embed_fail(const char *what, const char *path)
{
    fprintf(stderr, "fata-embed: %s: %s\n", path, what);
    exit(1);
}

char *embed_join(const char *left, const char *right)
{
    const size_t len = strlen(left) + strlen(right) + 2;
    char *path = malloc(len);
    if (path == NULL)
        embed_fail("out of memory", left);
    snprintf(path, len, "%s/%s", left, right);
    return path;
}

static void add_name(embed_names *names, char *name)
{
    names->name = realloc(names->name, (names->count + 1) * sizeof *names->name);
    if (names->name == NULL)
        embed_fail("out of memory", name);
    names->name[names->count++] = name;
}

/* Of all files together. Code and data of an x86-64 image lie within 2 GiB of each other, and what gzip
 * makes comes on top. */
#define EMBED_BYTES_MAX ((off_t)1 << 30)

/* A folder, and those that it lies in. */
typedef struct nest {
    const struct nest *above;
    dev_t device;
    ino_t inode;
} nest;

/* Whether a folder is at `path`. Ends the program if it cannot be used, and says what to do. */
static bool is_folder(const char *path, const nest *in)
{
    static off_t whole_bytes;
    char target[1024];
    struct stat status;
    if (stat(path, &status) != 0) {
        const int err = errno;
        const ssize_t len = readlink(path, target, sizeof target - 1);
        if (len < 0)
            embed_fail(strerror(err), path);
        target[len] = '\0';
        fprintf(stderr, "fata-embed: %s: a link to %s: %s; remove the link, or make what it leads to\n", path,
                target, strerror(err));
        exit(1);
    }
    for (; in != NULL && S_ISDIR(status.st_mode); in = in->above)
        if (in->device == status.st_dev && in->inode == status.st_ino)
            embed_fail("a link to a folder that it lies in itself: that has no end; remove it", path);
    if (!S_ISDIR(status.st_mode) && !S_ISREG(status.st_mode))
        embed_fail("neither a file nor a folder: nothing else can be embedded; remove it", path);
    if (S_ISREG(status.st_mode) && status.st_size > EMBED_BYTES_MAX - whole_bytes)
        embed_fail("with this file there would be more than 1 GiB in the image: leave it out", path);
    whole_bytes += S_ISREG(status.st_mode) ? status.st_size : 0;
    return S_ISDIR(status.st_mode);
}

/* Adds the files of the folder at `path`, whose names begin with `below`. */
static void walk(embed_names *names, const char *path, const char *below, const nest *above,
                 bool (*leave_out)(const char *name))
{
    struct stat status;
    DIR *dir = opendir(path);
    if (dir == NULL && errno == ENOENT && above == NULL)
        return;
    if (dir == NULL || fstat(dirfd(dir), &status) != 0)
        embed_fail(strerror(errno), path);
    const nest this = {above, status.st_dev, status.st_ino};
    for (const struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        if (leave_out != NULL && leave_out(entry->d_name))
            continue;
        char *name = embed_join(below, entry->d_name);
        char *inner = embed_join(path, entry->d_name);
        if (is_folder(inner, &this))
            walk(names, inner, name, &this, leave_out);
        else
            add_name(names, name);
        free(inner);
    }
    closedir(dir);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

embed_names embed_walk(const char *folder, bool (*leave_out)(const char *name))
{
    embed_names names = {NULL, 0};
    walk(&names, folder, "", NULL, leave_out);
    if (names.count > 0)
        qsort(names.name, names.count, sizeof *names.name, by_name);
    return names;
}

void embed_quoted(const char *directive, const char *prefix, const char *text)
{
    printf("    %s \"", directive);
    for (const char *part = prefix; part != NULL; part = part == text ? NULL : text)
        for (const char *c = part; *c != '\0'; c++) {
            if (*c == '"' || *c == '\\')
                putchar('\\');
            if (*c == '\n')
                embed_fail("a line feed in a file's name: rename it", text);
            putchar(*c);
        }
    printf("\"\n");
}

static void print_files(const char *folder)
{
    const embed_names names = embed_walk(folder, NULL);
    printf("    .section .rodata.fa_embedded, \"a\"\n"
           "    .globl fa_embedded, fa_embedded_count\n"
           "    .balign __SIZEOF_POINTER__\n"
           "fa_embedded_count: WORD %zu\nfa_embedded:\n", names.count);
    for (size_t i = 0; i < names.count; i++)
        printf("    WORD name_%zu, bytes_%zu, end_%zu - bytes_%zu\n", i, i, i, i);
    for (size_t i = 0; i < names.count; i++) {
        printf("name_%zu:\n", i);
        embed_quoted(".asciz", "", names.name[i]);
    }
    for (size_t i = 0; i < names.count; i++) {
        printf("    .balign 16\nbytes_%zu:\n", i);
        embed_quoted(".incbin", folder, names.name[i]);
        printf("end_%zu: .byte 0\n", i);
    }
}

int main(int argc, char **argv)
{
    if (argc != 5) {
        fprintf(stderr, "usage: fata-embed NAME FILES SITE OUT > program.S\n");
        return 2;
    }
    printf("/* Made by fata-embed: the program's name, its files and its site. */\n"
           "#if __SIZEOF_POINTER__ == 8\n#define WORD .quad\n#else\n#define WORD .long\n#endif\n"
           "    .section .rodata.fa_program_name, \"a\"\n"
           "    .globl fa_program_name\nfa_program_name:\n");
    embed_quoted(".asciz", "", argv[1]);
    print_files(argv[2]);
    embed_site(argv[3], argv[4]);
    printf("    .section .note.GNU-stack, \"\", %%progbits\n");
    if (ferror(stdout) || fflush(stdout) != 0)
        embed_fail(strerror(errno), "output");
    return 0;
}
