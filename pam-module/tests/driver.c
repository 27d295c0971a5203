/*
 * A PAM application for tests: runs the calls it is told on its command line, answers prompts from
 * a script, and prints all that a host could notice, one "word key=value ..." line each.
 *
 * driver CONFDIR SERVICE USER [OPTION...]
 *   --answer TEXT | --answer-hex HEX | --answer-size N   what is typed; the last one repeats
 *   --answer-null      the conversation succeeds without an answer
 *   --answer-no-array  the conversation succeeds without a response array
 *   --conv-error       the conversation fails
 *   --messages-no-array  text messages get no response array, as some hosts do
 *   --no-conv          the application has no conversation function
 *   --call NAME        authenticate, setcred, acct_mgmt, chauthtok, open_session, close_session
 *   --user-hex HEX     the user name as octets
 *   --tty T --rhost R  items
 *   --silent --disallow-null  flags; --expired: PAM_CHANGE_EXPIRED_AUTHTOK for chauthtok
 *   --cycle            answers begin anew after the last one, instead of repeating it
 *   --repeat N         all calls N times; --same-handle: in one PAM transaction
 *   --no-fds-after-first  no more descriptors from the second round on
 *   --scan-but N       look for what was typed, but for its last N octets, in this process's memory
 *                      after the first round
 *   --no-user          the application does not know the user name
 *   --itimer US        SIGALRM every so many microseconds, interrupting system calls
 * driver --listen PATH   takes the place of a verifier: binds, listens, and waits for its end
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <security/pam_appl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

enum kind { TEXT, NULL_ANSWER, NO_ARRAY, CONV_ERROR };
struct answer { enum kind kind; char *octets; size_t length; };

static struct answer answers[64];
static size_t answer_count, answer_next, lines_printed;
static int messages_no_array, scan, cycle, expired, repeat = 1;
static unsigned long prompts, alarms, delays;

/* Long runs would print a line for each call. */
static int quiet(void) { return ++lines_printed > 200 && repeat > 1; }

/* libpam logs through syslog(3); the executable's symbol comes first. */
static void record(int priority, const char *format, va_list arguments)
{
    if (quiet()) return;
    printf("log priority=%d text=", priority & LOG_PRIMASK);
    vprintf(format, arguments);
    putchar('\n');
}
void syslog(int priority, const char *format, ...)
{
    va_list a; va_start(a, format); record(priority, format, a); va_end(a);
}
void vsyslog(int priority, const char *format, va_list a) { record(priority, format, a); }
void __syslog_chk(int priority, int flag, const char *format, ...)
{
    (void)flag;
    va_list a; va_start(a, format); record(priority, format, a); va_end(a);
}
void __vsyslog_chk(int priority, int flag, const char *format, va_list a)
{
    (void)flag; record(priority, format, a);
}

/* Likewise for reads of the environment. */
char *getenv(const char *name)
{
    size_t length = strlen(name);
    if (!quiet()) printf("getenv name=%s\n", name);
    for (char **entry = environ; entry && *entry; entry++)
        if (!strncmp(*entry, name, length) && (*entry)[length] == '=') return *entry + length + 1;
    return NULL;
}
char *secure_getenv(const char *name) { return getenv(name); }

static size_t entries(const char *path)
{
    DIR *folder = opendir(path);
    size_t count = 0;
    while (folder && readdir(folder)) count++;
    if (folder) closedir(folder);
    return count < 3 ? 0 : count - 3; /* ".", ".." and, for fd, the folder itself */
}
static size_t threads(void) { return entries("/proc/self/task") + 1; }
static size_t fds(void) { return entries("/proc/self/fd"); }
static size_t map_lines(const char *word)
{
    FILE *maps = fopen("/proc/self/maps", "re");
    char line[4096];
    size_t count = 0;
    while (maps && fgets(line, sizeof line, maps)) count += strstr(line, word) != NULL;
    if (maps) fclose(maps);
    return count;
}
static size_t rss_kb(void)
{
    FILE *statm = fopen("/proc/self/statm", "re");
    size_t size = 0, resident = 0;
    if (statm) { if (fscanf(statm, "%zu %zu", &size, &resident) != 2) resident = 0; fclose(statm); }
    return resident * (size_t)sysconf(_SC_PAGESIZE) / 1024;
}
static void state(const char *when)
{
    printf("state when=%s threads=%zu fds=%zu maps=%zu module_maps=%zu rss_kb=%zu\n", when,
           threads(), fds(), map_lines(""), map_lines("pam_sekisho"), rss_kb());
}

static int converse(int count, const struct pam_message **messages, struct pam_response **responses,
                    void *data)
{
    (void)data;
    if (count != 1) { printf("fault what=messages-%d\n", count); return PAM_CONV_ERR; }
    int style = messages[0]->msg_style;
    int prompt = style == PAM_PROMPT_ECHO_OFF || style == PAM_PROMPT_ECHO_ON;
    if (!quiet())
        printf("%s style=%d threads=%zu text=%s\n", prompt ? "prompt" : "message", style, threads(),
               messages[0]->msg);
    if (!prompt) {
        if (messages_no_array) { *responses = NULL; return PAM_SUCCESS; }
        *responses = calloc(1, sizeof **responses);
        return PAM_SUCCESS;
    }
    prompts++;
    if (answer_count == 0) return PAM_CONV_ERR;
    struct answer *answer = &answers[answer_next];
    if (answer_next + 1 < answer_count) answer_next++;
    else if (cycle) answer_next = 0;
    if (answer->kind == CONV_ERROR) return PAM_CONV_ERR;
    if (answer->kind == NO_ARRAY) { *responses = NULL; return PAM_SUCCESS; }
    *responses = calloc(1, sizeof **responses);
    if (answer->kind == TEXT) {
        (*responses)->resp = malloc(answer->length + 1);
        memcpy((*responses)->resp, answer->octets, answer->length);
        (*responses)->resp[answer->length] = '\0';
        /* From here on, only the module knows what was typed. */
        if (scan) explicit_bzero(answer->octets, answer->length);
    }
    return PAM_SUCCESS;
}

/* Takes the place of libpam's sleep, so that tests see the delay and need not wait for it. */
static void delay(int code, unsigned microseconds, void *data)
{
    (void)data;
    delays += microseconds > 0;
    if (!quiet()) printf("delay code=%d us=%u\n", code, microseconds);
}

static char *from_hex(const char *hex, size_t *length)
{
    *length = strlen(hex) / 2;
    char *octets = calloc(1, *length + 1);
    for (size_t i = 0; i < *length; i++) {
        unsigned value;
        sscanf(hex + 2 * i, "%2x", &value);
        octets[i] = (char)value;
    }
    return octets;
}

/* Tails of what was typed, kept in a disguise that the search does not find. The tail, because the
 * allocator writes over the beginning of what is freed. */
#define TAIL 12
static unsigned char disguised[TAIL];
static size_t scan_but;
static void disguise(const struct answer *answer)
{
    for (size_t i = 0; i < TAIL && answer->length >= TAIL + scan_but; i++)
        disguised[i] = (unsigned char)answer->octets[answer->length - scan_but - TAIL + i] ^ 0xa5;
}
static size_t found_in_memory(void)
{
    FILE *maps = fopen("/proc/self/maps", "re");
    char line[4096];
    size_t found = 0, searched = 0;
    while (maps && fgets(line, sizeof line, maps)) {
        unsigned long start, end;
        char mode[5];
        if (sscanf(line, "%lx-%lx %4s", &start, &end, mode) != 3 || mode[1] != 'w') continue;
        unsigned char *octets = (unsigned char *)start;
        for (size_t i = 0; i + TAIL <= end - start; i++, searched++) {
            size_t same = 0;
            while (same < TAIL && (octets[i + same] ^ 0xa5) == disguised[same]) same++;
            found += same == TAIL;
        }
    }
    if (maps) fclose(maps);
    printf("scan searched=%zu found=%zu\n", searched, found);
    return found;
}

static int listen_at(const char *path)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    int listener = socket(AF_UNIX, SOCK_STREAM, 0);
    strncpy(address.sun_path, path, sizeof address.sun_path - 1);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) || listen(listener, 8)) return 3;
    puts("ready");
    fflush(stdout);
    for (;;) pause();
}

static void on_alarm(int signal) { (void)signal; alarms++; }

static int64_t now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * INT64_C(1000000) + t.tv_nsec / 1000;
}

static struct sigaction actions[65];
static int signals_changed(int compare)
{
    int changed = 0;
    for (int s = 1; s < 65; s++) {
        struct sigaction action;
        memset(&action, 0, sizeof action);
        if (sigaction(s, NULL, &action) != 0) continue;
        if (compare) changed += action.sa_handler != actions[s].sa_handler
                             || action.sa_flags != actions[s].sa_flags;
        else actions[s] = action;
    }
    return changed;
}

static int call(pam_handle_t *handle, const char *name, int flags)
{
    if (!strcmp(name, "authenticate")) return pam_authenticate(handle, flags);
    if (!strcmp(name, "setcred")) return pam_setcred(handle, (flags & PAM_SILENT) | PAM_ESTABLISH_CRED);
    if (!strcmp(name, "acct_mgmt")) return pam_acct_mgmt(handle, flags);
    if (!strcmp(name, "chauthtok")) 
        return pam_chauthtok(handle, (flags & PAM_SILENT) | (expired ? PAM_CHANGE_EXPIRED_AUTHTOK : 0));
    if (!strcmp(name, "open_session")) return pam_open_session(handle, flags & PAM_SILENT);
    if (!strcmp(name, "close_session")) return pam_close_session(handle, flags & PAM_SILENT);
    exit(2);
}

int main(int argc, char **argv)
{
    if (argc == 3 && !strcmp(argv[1], "--listen")) return listen_at(argv[2]);
    if (argc < 4) return 2;
    const char *confdir = argv[1], *service = argv[2], *user = argv[3];
    const char *calls[8] = { "authenticate", "setcred", "acct_mgmt" }, *tty = NULL, *rhost = NULL;
    size_t call_count = 3, named_calls = 0;
    int flags = 0, same_handle = 0, no_conv = 0, no_fds = 0;
    long itimer = 0;
    setvbuf(stdout, NULL, _IOLBF, 0);

    for (int i = 4; i < argc; i++) {
        const char *word = argv[i], *value = i + 1 < argc ? argv[i + 1] : "";
        struct answer *answer = &answers[answer_count];
        if (!strcmp(word, "--answer")) {
            *answer = (struct answer){ TEXT, strdup(value), strlen(value) }; answer_count++; i++;
        } else if (!strcmp(word, "--answer-hex")) {
            answer->kind = TEXT; answer->octets = from_hex(value, &answer->length); answer_count++; i++;
        } else if (!strcmp(word, "--answer-size")) {
            answer->length = (size_t)atol(value); answer->octets = malloc(answer->length + 1);
            memset(answer->octets, '1', answer->length); answer_count++; i++;
        } else if (!strcmp(word, "--answer-null")) { answer->kind = NULL_ANSWER; answer_count++; }
        else if (!strcmp(word, "--answer-no-array")) { answer->kind = NO_ARRAY; answer_count++; }
        else if (!strcmp(word, "--conv-error")) { answer->kind = CONV_ERROR; answer_count++; }
        else if (!strcmp(word, "--messages-no-array")) messages_no_array = 1;
        else if (!strcmp(word, "--no-conv")) no_conv = 1;
        else if (!strcmp(word, "--call")) { calls[named_calls++] = value; call_count = named_calls; i++; }
        else if (!strcmp(word, "--user-hex")) { size_t n; user = from_hex(value, &n); i++; }
        else if (!strcmp(word, "--tty")) { tty = value; i++; }
        else if (!strcmp(word, "--rhost")) { rhost = value; i++; }
        else if (!strcmp(word, "--silent")) flags |= PAM_SILENT;
        else if (!strcmp(word, "--disallow-null")) flags |= PAM_DISALLOW_NULL_AUTHTOK;
        else if (!strcmp(word, "--expired")) expired = 1;
        else if (!strcmp(word, "--cycle")) cycle = 1;
        else if (!strcmp(word, "--repeat")) { repeat = atoi(value); i++; }
        else if (!strcmp(word, "--same-handle")) same_handle = 1;
        else if (!strcmp(word, "--scan-but")) { scan = 1; scan_but = (size_t)atol(value); i++; }
        else if (!strcmp(word, "--no-user")) user = NULL;
        else if (!strcmp(word, "--no-fds-after-first")) no_fds = 1;
        else if (!strcmp(word, "--itimer")) { itimer = atol(value); i++; }
        else { fprintf(stderr, "driver: what is %s?\n", word); return 2; }
    }

    if (itimer) {
        struct sigaction action = { .sa_handler = on_alarm }; /* no SA_RESTART */
        struct itimerval every = { { 0, itimer }, { 0, itimer } };
        sigaction(SIGALRM, &action, NULL);
        setitimer(ITIMER_REAL, &every, NULL);
    }
    if (scan) disguise(&answers[0]);
    signals_changed(0);
    state("start");

    struct pam_conv conversation = { no_conv ? NULL : converse, NULL };
    pam_handle_t *handle = NULL;
    int last[8] = { 0 };
    unsigned long successes = 0, differing = 0, renamed = 0;
    int64_t first_us = 0, started = now_us();
    for (int round = 0; round < repeat; round++) {
        if (!handle) {
            int code = pam_start_confdir(service, user, &conversation, confdir, &handle);
            if (code != PAM_SUCCESS) { printf("fault what=pam_start-%d\n", code); return 3; }
            pam_set_item(handle, PAM_FAIL_DELAY, (const void *)delay);
            if (tty) pam_set_item(handle, PAM_TTY, tty);
            if (rhost) pam_set_item(handle, PAM_RHOST, rhost);
        }
        for (size_t c = 0; c < call_count; c++) {
            int64_t before = now_us();
            int code = call(handle, calls[c], flags);
            if (c == 0 && round == 0) first_us = now_us() - before;
            if (c == 0) successes += code == PAM_SUCCESS;
            differing += round > 0 && code != last[c];
            last[c] = code;
        }
        const void *name = NULL;
        pam_get_item(handle, PAM_USER, &name);
        renamed += user && (!name || strcmp(name, user) != 0);
        const char *token = pam_getenv(handle, "SEEN_AUTHTOK");
        if (token && round == 0) printf("authtok value=%s\n", token);
        const char *passes = pam_getenv(handle, "SEEN_PASSES");
        if (passes && round == 0) printf("passes value=%s\n", passes);
        if (round == 0) state("first");
        if (round == 0 && scan) found_in_memory();
        if (round == 0 && no_fds) {
            struct rlimit none = { 0, 0 };
            setrlimit(RLIMIT_NOFILE, &none);
        }
        if (round == repeat / 10) state("warm");
        if (!same_handle || round == repeat - 1) {
            pam_end(handle, last[0]);
            handle = NULL;
        }
    }
    int64_t total = now_us() - started;
    if (itimer) { struct itimerval none = { { 0, 0 }, { 0, 0 } }; setitimer(ITIMER_REAL, &none, NULL); }
    state("end");
    for (size_t c = 0; c < call_count; c++) printf("code %s=%d\n", calls[c], last[c]);
    printf("total rounds=%d successes=%lu differing=%lu prompts=%lu delays=%lu renamed=%lu "
           "signals_changed=%d alarms=%lu first_us=%lld mean_us=%lld\n",
           repeat, successes, differing, prompts, delays, renamed, signals_changed(1), alarms,
           (long long)first_us, (long long)(total / repeat));
    return 0;
}
