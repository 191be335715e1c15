/* SPDX-License-Identifier: ISC */
/* Makes the assembler source that every program links: its name, and the table of its embedded
 * files (see sdk/core/file.h), sorted by name, each taken in by .incbin.
 *
 * usage: fata-embed NAME FOLDER > program.S      (a FOLDER that does not exist holds no files)
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static char **names; /* below the folder, with a slash in front */
static size_t name_count;

static void fail(const char *what, const char *path)
{
    fprintf(stderr, "fata-embed: %s: %s\n", path, what);
    exit(1);
}

static char *join(const char *left, const char *right)
{
    const size_t len = strlen(left) + strlen(right) + 2;
    char *path = malloc(len);
    if (path == NULL)
        fail("out of memory", left);
    snprintf(path, len, "%s/%s", left, right);
    return path;
}

static void add_name(char *name)
{
    names = realloc(names, (name_count + 1) * sizeof *names);
    if (names == NULL)
        fail("out of memory", name);
    names[name_count++] = name;
}

/* Adds the files below `root`/`below`. */
static void walk(const char *root, const char *below)
{
    char *folder = join(root, below);
    DIR *dir = opendir(folder);
    if (dir == NULL) {
        if (errno == ENOENT && *below == '\0')
            return;
        fail(strerror(errno), folder);
    }
    for (const struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        char *name = join(below, entry->d_name);
        char *path = join(root, name);
        struct stat status;
        if (stat(path, &status) != 0)
            fail(strerror(errno), path);
        if (S_ISDIR(status.st_mode))
            walk(root, name);
        else if (S_ISREG(status.st_mode))
            add_name(name);
        else
            fail("neither a file nor a folder", path);
        free(path);
    }
    closedir(dir);
    free(folder);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* A string literal of the assembler. */
static void print_quoted(const char *directive, const char *prefix, const char *text)
{
    printf("    %s \"", directive);
    for (const char *part = prefix; part != NULL; part = part == text ? NULL : text)
        for (const char *c = part; *c != '\0'; c++) {
            if (*c == '"' || *c == '\\')
                putchar('\\');
            if (*c == '\n')
                fail("a line feed in a file's name", text);
            putchar(*c);
        }
    printf("\"\n");
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: fata-embed NAME FOLDER > program.S\n");
        return 2;
    }
    const char *folder = argv[2];
    walk(folder, "");
    qsort(names, name_count, sizeof *names, by_name);
    printf("/* Made by fata-embed: the program's name and its files. */\n"
           "#if __SIZEOF_POINTER__ == 8\n#define WORD .quad\n#else\n#define WORD .long\n#endif\n"
           "    .section .rodata.fa_program_name, \"a\"\n"
           "    .globl fa_program_name\nfa_program_name:\n");
    print_quoted(".asciz", "", argv[1]);
    printf("    .section .rodata.fa_embedded, \"a\"\n"
           "    .globl fa_embedded, fa_embedded_count\n"
           "    .balign __SIZEOF_POINTER__\n"
           "fa_embedded_count: WORD %zu\nfa_embedded:\n", name_count);
    for (size_t i = 0; i < name_count; i++)
        printf("    WORD name_%zu, bytes_%zu, end_%zu - bytes_%zu\n", i, i, i, i);
    for (size_t i = 0; i < name_count; i++) {
        printf("name_%zu:\n", i);
        print_quoted(".asciz", "", names[i]);
    }
    for (size_t i = 0; i < name_count; i++) {
        printf("    .balign 16\nbytes_%zu:\n", i);
        print_quoted(".incbin", folder, names[i]);
        printf("end_%zu: .byte 0\n", i);
    }
    printf("    .section .note.GNU-stack, \"\", %%progbits\n");
    return ferror(stdout) || fflush(stdout) != 0 ? (fail(strerror(errno), "output"), 1) : 0;
}
