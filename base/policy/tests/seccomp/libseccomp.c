// SPDX-License-Identifier: Apache-2.0
// Builds filters with libseccomp for the tests beside it.
//
// stdin, one item a line:  `default ACTION` | `arch TOKEN` | `rule ACTION NAME [INDEX OP A B]...`
// | `known NAME`, which writes 1 or 0 (32 bits) | `export`, which writes the filter's length in
// bytes (32 bits) and its bytes, or the length 0 where libseccomp refused a rule, and begins anew.
// Numbers are decimal; names that libseccomp does not know are skipped, as by runc.
//
// The declarations stand here, and the program is linked with libseccomp.so.2 by file name, so that
// the library's package alone, which apt itself needs, is enough: no headers.
#define _GNU_SOURCE
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

struct scmp_arg_cmp {
    unsigned int arg;
    int op;
    uint64_t a, b;
};

void *seccomp_init(uint32_t def_action);
void seccomp_release(void *ctx);
int seccomp_arch_add(void *ctx, uint32_t token);
int seccomp_syscall_resolve_name(const char *name);
int seccomp_rule_add_array(void *ctx, uint32_t action, int call, unsigned int count,
                           const struct scmp_arg_cmp *args);
int seccomp_export_bpf(const void *ctx, int fd);

static void die(const char *what) {
    fprintf(stderr, "oracle: %s\n", what);
    exit(1);
}

static int rule(void *ctx, char *line) {
    char *save, *word = strtok_r(line, " \n", &save);
    uint32_t action = (uint32_t)strtoul(word, NULL, 10);
    int call = seccomp_syscall_resolve_name(strtok_r(NULL, " \n", &save));
    struct scmp_arg_cmp args[6];
    unsigned int count = 0;
    if (call == -1)
        return 0;
    while ((word = strtok_r(NULL, " \n", &save)) != NULL && count < 6) {
        args[count].arg = (unsigned int)strtoul(word, NULL, 10);
        args[count].op = atoi(strtok_r(NULL, " \n", &save));
        args[count].a = strtoull(strtok_r(NULL, " \n", &save), NULL, 10);
        args[count++].b = strtoull(strtok_r(NULL, " \n", &save), NULL, 10);
    }
    return seccomp_rule_add_array(ctx, action, call, count, args);
}

static void export(void *ctx, int refused) {
    struct stat st;
    int fd = memfd_create("filter", MFD_CLOEXEC);
    if (fd < 0 || (!refused && seccomp_export_bpf(ctx, fd) != 0) || fstat(fd, &st) != 0)
        die("export");
    uint32_t size = (uint32_t)st.st_size;
    fwrite(&size, sizeof size, 1, stdout);
    if (size > 0) {
        void *bytes = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
        if (bytes == MAP_FAILED || fwrite(bytes, size, 1, stdout) != 1)
            die("write");
        munmap(bytes, size);
    }
    fflush(stdout);
    close(fd);
}

int main(void) {
    char *line = NULL;
    size_t room = 0;
    void *ctx = NULL;
    int refused = 0;
    while (getline(&line, &room, stdin) > 0) {
        if (strncmp(line, "default ", 8) == 0) {
            if (ctx != NULL)
                seccomp_release(ctx);
            if ((ctx = seccomp_init((uint32_t)strtoul(line + 8, NULL, 10))) == NULL)
                die("init");
            refused = 0;
        } else if (strncmp(line, "arch ", 5) == 0) {
            int result = seccomp_arch_add(ctx, (uint32_t)strtoul(line + 5, NULL, 10));
            if (result != 0 && result != -EEXIST)
                die("arch");
        } else if (strncmp(line, "rule ", 5) == 0) {
            if (rule(ctx, line + 5) != 0)
                refused = 1;
        } else if (strncmp(line, "known ", 6) == 0) {
            line[strcspn(line, "\n")] = 0;
            uint32_t known = seccomp_syscall_resolve_name(line + 6) != -1;
            fwrite(&known, sizeof known, 1, stdout);
            fflush(stdout);
        } else if (strcmp(line, "export\n") == 0) {
            export(ctx, refused);
        } else {
            die("unknown line");
        }
    }
    return 0;
}
