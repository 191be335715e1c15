/* SPDX-License-Identifier: ISC */
/* Paths and files: see files.h. */
#include "files.h"

#include "cli.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static bool is_folder(const char *path)
{
    struct stat status;

    return stat(path, &status) == 0 && S_ISDIR(status.st_mode);
}

/* <root>/build/fata is this program: the root is two names up. */
static void root_from_program(char *path, size_t cap)
{
    static const char place[] = "/build/fata";
    size_t place_len = sizeof place - 1;
    ssize_t got = readlink("/proc/self/exe", path, cap - 1);
    size_t len = got > 0 ? (size_t)got : 0;

    if (len <= place_len || strncmp(path + len - place_len, place, place_len) != 0) {
        cli_fail("cannot tell where the SDK is: this program is not the SDK's build/fata. Set FATA to the SDK's "
                 "folder");
    }
    path[len - place_len] = '\0';
}

const char *sdk_root(void)
{
    static char root[PATH_MAX];
    const char *given = getenv("FATA");

    if (root[0] != '\0') {
        return root;
    }
    if (given != NULL && given[0] != '\0') {
        if (realpath(given, root) == NULL || !is_folder(root)) {
            root[0] = '\0';
            cli_fail("FATA is set to %s, which is not a folder: it must name the SDK's folder", given);
        }
    } else {
        root_from_program(root, sizeof root);
    }
    return root;
}

bool file_read(const char *path, size_t max, struct text *out, const char **why_out)
{
    char buffer[65536];
    struct stat status;
    ssize_t got;
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

    *why_out = NULL;
    text_add(out, "");
    if (file < 0) {
        *why_out = strerror(errno);
        return false;
    }
    if (fstat(file, &status) != 0 || !S_ISREG(status.st_mode)) {
        *why_out = "it is not a regular file";
    }
    while (*why_out == NULL && (got = read(file, buffer, sizeof buffer)) != 0) {
        if (got < 0) {
            *why_out = strerror(errno);
        } else if ((size_t)got > max - out->len) {
            *why_out = "it is too big";
        } else {
            text_add_bytes(out, buffer, (size_t)got);
        }
    }
    (void)close(file);
    return *why_out == NULL;
}

bool file_map(const char *path, struct text *out, const char **why_out)
{
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct stat status;
    off_t len;

    *why_out = NULL;
    if (file < 0) {
        *why_out = strerror(errno);
        return false;
    }
    len = lseek(file, 0, SEEK_END);
    if (fstat(file, &status) != 0 || (!S_ISREG(status.st_mode) && !S_ISBLK(status.st_mode))) {
        *why_out = "it is not a regular file, nor a disk";
    } else if (len <= 0) {
        text_add(out, "");
    } else {
        void *bytes = mmap(NULL, (size_t)len, PROT_READ, MAP_PRIVATE, file, 0);

        *out = (struct text){.bytes = bytes, .len = (size_t)len};
        *why_out = bytes == MAP_FAILED ? strerror(errno) : NULL;
    }
    (void)close(file);
    return *why_out == NULL;
}

static int visible(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

void folder_list(const char *folder, struct words *names_out)
{
    struct dirent **entries;
    int count = scandir(folder, &entries, visible, alphasort);

    for (int i = 0; i < count; i++) {
        char *path = text_format("%s/%s", folder, entries[i]->d_name);

        if (is_folder(path)) {
            words_add(names_out, entries[i]->d_name);
        }
        free(path);
        free(entries[i]);
    }
    if (count >= 0) {
        free(entries);
    }
}

const char *path_below(const char *path, const char *folder)
{
    size_t len = strlen(folder);

    if (len > 0 && folder[len - 1] == '/') {
        len--; /* the root folder */
    }
    if (strncmp(path, folder, len) != 0 || (path[len] != '/' && path[len] != '\0')) {
        return NULL;
    }
    return path[len] == '/' ? path + len + 1 : path + len;
}

bool program_found(const char *name)
{
    const char *path = getenv("PATH");

    for (const char *part = path != NULL ? path : "/usr/bin:/bin"; part != NULL;) {
        const char *end = strchrnul(part, ':');
        char *file = text_format("%.*s%s%s", (int)(end - part), part, end != part ? "/" : "", name);
        struct stat status;
        bool found = access(file, X_OK) == 0 && stat(file, &status) == 0 && S_ISREG(status.st_mode);

        free(file);
        if (found) {
            return true;
        }
        part = *end == ':' ? end + 1 : NULL;
    }
    return false;
}
