/*
 * A PAM host that logs people in, one after the other, and says how long each login took.
 *
 *   pam-driver CONFDIR RAW-FILE OCTETS
 *
 * Each line "USER CODE" of standard input is one round: a login that pam_permit lets in, one append
 * to RAW-FILE with its fdatasync, and a login that asks the verifier. They take turns because the
 * machine is not alone. Each round prints their nanoseconds as "PERMIT SYNC LOGIN".
 */
#include <fcntl.h>
#include <security/pam_appl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { RECORD_MAX = 65536, RAW_OCTETS = 1 << 20 };

static int converse(int count, const struct pam_message **messages,
                    struct pam_response **responses, void *code)
{
    struct pam_response *answers = calloc((size_t)count, sizeof *answers);
    if (!answers)
        return PAM_BUF_ERR;
    for (int i = 0; i < count; i++)
        if (messages[i]->msg_style == PAM_PROMPT_ECHO_OFF ||
            messages[i]->msg_style == PAM_PROMPT_ECHO_ON)
            answers[i].resp = strdup(code);
    *responses = answers;
    return PAM_SUCCESS;
}

static long long now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (long long)time.tv_sec * 1000000000 + time.tv_nsec;
}

/* All of a login that a host can not do without: start, authenticate, end. */
static long long login(const char *folder, const char *service, const char *user, char *code)
{
    struct pam_conv conversation = { converse, code };
    pam_handle_t *handle = NULL;
    long long started = now();
    int result = pam_start_confdir(service, user, &conversation, folder, &handle);
    if (result == PAM_SUCCESS)
        result = pam_authenticate(handle, 0);
    pam_end(handle, result);
    long long took = now() - started;
    if (result != PAM_SUCCESS) {
        fprintf(stderr, "%s: %s was not let in: %d\n", service, user, result);
        exit(1);
    }
    return took;
}

static long long append(int file, size_t octets)
{
    static const char record[RECORD_MAX];
    static off_t offset;
    long long started = now();
    if (pwrite(file, record, octets, offset) != (ssize_t)octets || fdatasync(file) != 0) {
        perror("raw file");
        exit(1);
    }
    offset = (offset + (off_t)octets) % RAW_OCTETS;
    return now() - started;
}

int main(int argc, char **argv)
{
    char user[64], code[16];
    size_t octets = argc == 4 ? strtoul(argv[3], NULL, 10) : 0;
    int file = argc == 4 ? open(argv[2], O_WRONLY) : -1;
    if (file < 0 || octets == 0 || octets > RECORD_MAX) {
        fputs("usage: pam-driver CONFDIR RAW-FILE OCTETS\n", stderr);
        return 2;
    }
    while (scanf("%63s %15s", user, code) == 2) {
        long long permit = login(argv[1], "permit", user, code);
        long long sync = append(file, octets);
        printf("%lld %lld %lld\n", permit, sync, login(argv[1], "sekisho", user, code));
    }
    return 0;
}
