// A helper inside the guest for what a shell cannot do: model-specific registers, precise clocks.
//   probe rdmsr CPU REGISTER          prints the value in hexadecimal
//   probe wrmsr CPU REGISTER VALUE
//   probe time                        nanoseconds since 1970
//   probe ptp DEVICE                  nanoseconds since 1970 of a PTP clock
//   probe ptp-set DEVICE              tries to set it; prints the error's number
//   probe kexec KERNEL INITRD LINE    leaves this kernel for another one, without a reset
//   probe clock-calls COUNT           reads the time so often; prints the milliseconds spent in the kernel for it
//   probe pool FILE                   prints the records of a KVP pool: key and value as hexadecimal bytes, one a line
//   probe pool-add FILE KEY VALUE     adds a record as a program of the guest would; the same digits
//   probe pool-fill FILE COUNT        adds the pairs (key 1, value 1) to (key COUNT, value COUNT)
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <linux/reboot.h>
#include <sys/reboot.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static int fail(const char *what) {
    perror(what);
    return 1;
}

static int print_clock(clockid_t clock) {
    struct timespec now;
    if (clock_gettime(clock, &now) != 0) {
        return fail("clock_gettime");
    }
    printf("%" PRId64 "\n", (int64_t)now.tv_sec * 1000000000 + now.tv_nsec);
    return 0;
}

static int open_register(const char *cpu) {
    char path[64];
    snprintf(path, sizeof(path), "/dev/cpu/%s/msr", cpu);
    return open(path, O_RDWR);
}

static int read_register(const char *cpu, const char *number) {
    uint64_t value = 0;
    const off_t offset = (off_t)strtoull(number, NULL, 0);
    if (pread(open_register(cpu), &value, sizeof(value), offset) != sizeof(value)) {
        return fail("rdmsr");
    }
    printf("0x%016" PRIx64 "\n", value);
    return 0;
}

static int write_register(const char *cpu, const char *number, const char *text) {
    const uint64_t value = strtoull(text, NULL, 0);
    const off_t offset = (off_t)strtoull(number, NULL, 0);
    if (pwrite(open_register(cpu), &value, sizeof(value), offset) != sizeof(value)) {
        return fail("wrmsr");
    }
    return 0;
}

// Linux: FD_TO_CLOCKID in tools/testing/selftests/ptp/testptp.c.
static clockid_t ptp_clock(const char *path) {
    const int device = open(path, O_RDWR);
    return (clockid_t)((~(unsigned)device << 3) | 3);
}

static int set_ptp(const char *path) {
    const struct timespec epoch = {0, 0};
    printf("%d\n", clock_settime(ptp_clock(path), &epoch) == 0 ? 0 : errno);
    return 0;
}

// Nothing is unmounted and no process ends: the guest lives in its memory.
static int start_kernel(const char *kernel, const char *initrd, const char *command_line) {
    if (syscall(SYS_kexec_file_load, open(kernel, O_RDONLY), open(initrd, O_RDONLY),
                strlen(command_line) + 1, command_line, 0UL) != 0) {
        return fail("kexec_file_load");
    }
    reboot(LINUX_REBOOT_CMD_KEXEC);
    return fail("kexec");
}

static int count_clock_calls(const char *count) {
    struct rusage before, after;
    struct timeval now;
    getrusage(RUSAGE_SELF, &before);
    for (long i = strtol(count, NULL, 0); i > 0; --i) {
        gettimeofday(&now, NULL);
    }
    getrusage(RUSAGE_SELF, &after);
    printf("%ld\n", (after.ru_stime.tv_sec - before.ru_stime.tv_sec) * 1000 +
                        (after.ru_stime.tv_usec - before.ru_stime.tv_usec) / 1000);
    return 0;
}

// Linux: struct kvp_record in tools/hv/hv_kvp_daemon.c. The daemon locks the whole file, and so must others.
struct record {
    unsigned char key[512];
    unsigned char value[2048];
};

static int open_pool(const char *path, int flags, short type) {
    const int file = open(path, flags);
    struct flock lock = {.l_type = type, .l_whence = SEEK_SET};
    if (file < 0 || fcntl(file, F_SETLKW, &lock) != 0) {
        exit(fail(path));
    }
    return file;
}

static void print_hex(const unsigned char *text, size_t size) {
    for (size_t i = 0; i < size && text[i] != 0; ++i) {
        printf("%02x", text[i]);
    }
}

static void read_hex(unsigned char *text, size_t size, const char *digits) {
    for (size_t i = 0; i < size && sscanf(digits, "%2hhx", &text[i]) == 1; ++i) {
        digits += 2;
    }
}

static int print_pool(const char *path) {
    const int file = open_pool(path, O_RDONLY, F_RDLCK);
    struct record record;
    ssize_t size;
    while ((size = read(file, &record, sizeof(record))) == sizeof(record)) {
        print_hex(record.key, sizeof(record.key));
        putchar(' ');
        print_hex(record.value, sizeof(record.value));
        putchar('\n');
    }
    if (size != 0) {
        fprintf(stderr, "a torn record\n");
        return 1;
    }
    return 0;
}

static int add_to_pool(const char *path, const char *key, const char *value) {
    struct record record;
    memset(&record, 0, sizeof(record));
    read_hex(record.key, sizeof(record.key) - 1, key);
    read_hex(record.value, sizeof(record.value) - 1, value);
    const int file = open_pool(path, O_WRONLY | O_APPEND, F_WRLCK);
    return write(file, &record, sizeof(record)) == sizeof(record) ? 0 : fail(path);
}

static int fill_pool(const char *path, int count) {
    const int file = open_pool(path, O_WRONLY | O_APPEND, F_WRLCK);
    for (int i = 1; i <= count; ++i) {
        struct record record;
        memset(&record, 0, sizeof(record));
        snprintf((char *)record.key, sizeof(record.key), "key %d", i);
        snprintf((char *)record.value, sizeof(record.value), "value %d", i);
        if (write(file, &record, sizeof(record)) != sizeof(record)) {
            return fail(path);
        }
    }
    return 0;
}

int main(int argc, char **argv) {
    const char *verb = argc > 1 ? argv[1] : "";
    if (strcmp(verb, "rdmsr") == 0 && argc == 4) {
        return read_register(argv[2], argv[3]);
    }
    if (strcmp(verb, "wrmsr") == 0 && argc == 5) {
        return write_register(argv[2], argv[3], argv[4]);
    }
    if (strcmp(verb, "time") == 0 && argc == 2) {
        return print_clock(CLOCK_REALTIME);
    }
    if (strcmp(verb, "ptp") == 0 && argc == 3) {
        return print_clock(ptp_clock(argv[2]));
    }
    if (strcmp(verb, "ptp-set") == 0 && argc == 3) {
        return set_ptp(argv[2]);
    }
    if (strcmp(verb, "kexec") == 0 && argc == 5) {
        return start_kernel(argv[2], argv[3], argv[4]);
    }
    if (strcmp(verb, "clock-calls") == 0 && argc == 3) {
        return count_clock_calls(argv[2]);
    }
    if (strcmp(verb, "pool") == 0 && argc == 3) {
        return print_pool(argv[2]);
    }
    if (strcmp(verb, "pool-add") == 0 && argc == 5) {
        return add_to_pool(argv[2], argv[3], argv[4]);
    }
    if (strcmp(verb, "pool-fill") == 0 && argc == 4) {
        return fill_pool(argv[2], atoi(argv[3]));
    }
    fprintf(stderr, "usage: see the source\n");
    return 2;
}
