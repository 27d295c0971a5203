/*
 * A PAM application for tests: answers prompts from a script and reports what PAM said.
 *
 *   pam-driver [-n COPIES] [-r ROUNDS] [-g] [-s] [-a MICROSECONDS] [-t TTY] [-h RHOST]
 *              [-l UID] [-x SERVICE] CONFDIR SERVICE USER [ANSWER...]
 *
 * -n  so many processes try at the same moment
 * -r  so many times pam_authenticate on one handle, the same answers each time
 * -g  say "ready" when all processes wait, and begin when standard input has a line or its end
 * -s  PAM_SILENT
 * -a  a SIGALRM so often
 * -l  in a login session of this user, as pam_loginuid begins one
 * -x  open the session after it, ask this service, close the session, and ask it again
 *
 * Each round prints one line of JSON, written at once so that processes do not mix.
 */
#include <security/pam_appl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { TOLD_MAX = 2048, LINE_MAX_OCTETS = 4000 };

struct script {
    char **answers;
    int count;
    int next;
    int prompts;
    bool echoed;
    char told[TOLD_MAX];
    size_t told_length;
    unsigned delay;
};

static void tell(struct script *script, const char *text)
{
    if (script->told_length + strlen(text) * 2 + 4 > TOLD_MAX)
        return;
    char *out = script->told + script->told_length;
    if (script->told_length > 0)
        *out++ = ',';
    *out++ = '"';
    for (; *text; text++) {
        if (*text == '"' || *text == '\\')
            *out++ = '\\';
        *out++ = (unsigned char)*text < ' ' ? ' ' : *text;
    }
    *out++ = '"';
    script->told_length = (size_t)(out - script->told);
}

static int converse(int count, const struct pam_message **messages,
                    struct pam_response **responses, void *data)
{
    struct script *script = data;
    struct pam_response *answers = calloc((size_t)count, sizeof *answers);
    for (int i = 0; i < count; i++) {
        int style = messages[i]->msg_style;
        tell(script, messages[i]->msg);
        if (style != PAM_PROMPT_ECHO_OFF && style != PAM_PROMPT_ECHO_ON)
            continue;
        script->prompts++;
        script->echoed |= style == PAM_PROMPT_ECHO_ON;
        if (script->next >= script->count) {
            free(answers);
            return PAM_CONV_ERR;
        }
        answers[i].resp = strdup(script->answers[script->next++]);
    }
    *responses = answers;
    return PAM_SUCCESS;
}

/* libpam calls this in the place of sleeping. */
static void fail_delay(int result, unsigned microseconds, void *data)
{
    (void)result;
    ((struct script *)data)->delay = microseconds;
}

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec * 1e3 + (double)time.tv_nsec / 1e6;
}

struct options {
    int copies, rounds, alarm;
    bool gate, silent;
    const char *tty, *rhost, *login_uid, *second;
};

static void report(struct script *script, int started, int authenticate, int account, int setcred,
                   double milliseconds)
{
    char line[LINE_MAX_OCTETS];
    int length = snprintf(line, sizeof line,
                          "{\"start\":%d,\"authenticate\":%d,\"account\":%d,\"setcred\":%d,"
                          "\"milliseconds\":%.3f,\"prompts\":%d,\"echoed\":%s,"
                          "\"delay_us\":%u,\"told\":[%.*s]}\n",
                          started, authenticate, account, setcred, milliseconds, script->prompts,
                          script->echoed ? "true" : "false", script->delay,
                          (int)script->told_length, script->told);
    if (length < 0 || write(STDOUT_FILENO, line, (size_t)length) != length)
        _exit(2);
}

static void on_alarm(int signal)
{
    (void)signal;
}

static void start_alarms(int microseconds)
{
    struct sigaction action = {.sa_handler = on_alarm};
    sigaction(SIGALRM, &action, NULL);
    struct itimerval interval = {{0, microseconds}, {0, microseconds}};
    setitimer(ITIMER_REAL, &interval, NULL);
}

/* One pam_authenticate of another program on the same terminal. */
static void ask_second(const struct options *options, char **words, struct pam_conv *conversation,
                       struct script *script)
{
    pam_handle_t *handle = NULL;
    script->prompts = 0;
    int started = pam_start_confdir(options->second, words[2], conversation, words[0], &handle);
    int result = PAM_ABORT, account = -1, setcred = -1;
    if (started == PAM_SUCCESS) {
        if (options->tty)
            pam_set_item(handle, PAM_TTY, options->tty);
        result = pam_authenticate(handle, 0);
        if (result == PAM_SUCCESS) {
            account = pam_acct_mgmt(handle, 0);
            setcred = pam_setcred(handle, PAM_ESTABLISH_CRED);
        }
        pam_end(handle, result);
    }
    report(script, started, result, account, setcred, 0);
}

static int log_in(const struct options *options, char **words, int answers)
{
    struct script script = {.answers = words + 3, .count = answers};
    struct pam_conv conversation = {converse, &script};
    pam_handle_t *handle = NULL;
    int flags = options->silent ? PAM_SILENT : 0;
    int started = pam_start_confdir(words[1], words[2], &conversation, words[0], &handle);
    if (started != PAM_SUCCESS) {
        report(&script, started, -1, -1, -1, 0);
        return 1;
    }
    /* A function pointer travels as a data pointer: that is PAM's interface. */
    void (*delay)(int, unsigned, void *) = fail_delay;
    void *as_item;
    memcpy(&as_item, &delay, sizeof as_item);
    pam_set_item(handle, PAM_FAIL_DELAY, as_item);
    if (options->tty)
        pam_set_item(handle, PAM_TTY, options->tty);
    if (options->rhost)
        pam_set_item(handle, PAM_RHOST, options->rhost);
    if (options->alarm > 0)
        start_alarms(options->alarm);
    FILE *login_uid = options->login_uid ? fopen("/proc/self/loginuid", "w") : NULL;
    if (login_uid && (fputs(options->login_uid, login_uid) < 0 || fclose(login_uid) != 0))
        return 1;
    int result = PAM_SUCCESS;
    for (int round = 0; round < options->rounds; round++) {
        script.next = 0;
        double before = now();
        int account = -1, setcred = -1;
        result = pam_authenticate(handle, flags);
        double took = now() - before;
        if (result == PAM_SUCCESS) {
            account = pam_acct_mgmt(handle, flags);
            setcred = pam_setcred(handle, flags | PAM_ESTABLISH_CRED);
        }
        report(&script, started, result, account, setcred, took);
    }
    if (options->second) {
        if (pam_open_session(handle, 0) != PAM_SUCCESS)
            return 1;
        ask_second(options, words, &conversation, &script);
        if (pam_close_session(handle, 0) != PAM_SUCCESS)
            return 1;
        ask_second(options, words, &conversation, &script);
    }
    pam_end(handle, result);
    return 0;
}

static void start_copies(const struct options *options, char **words, int answers)
{
    int here[2], go[2];
    char octet;
    if (pipe(here) != 0 || pipe(go) != 0)
        exit(2);
    for (int i = 0; i < options->copies; i++) {
        pid_t child = fork();
        if (child < 0)
            exit(2);
        if (child == 0) {
            close(go[1]);
            close(here[0]);
            close(here[1]);
            /* Ends when the parent closes the other side: for all at the same moment. */
            if (read(go[0], &octet, 1) != 0)
                _exit(2);
            _exit(log_in(options, words, answers));
        }
    }
    close(here[1]);
    close(go[0]);
    /* Ends when every child has closed its copy, which is the last thing before it waits. */
    if (read(here[0], &octet, 1) != 0)
        exit(2);
    if (options->gate) {
        if (write(STDOUT_FILENO, "ready\n", 6) != 6 || read(STDIN_FILENO, &octet, 1) < 0)
            exit(2);
    }
    close(go[1]);
}

int main(int argc, char **argv)
{
    struct options options = {.copies = 1, .rounds = 1};
    int option;
    while ((option = getopt(argc, argv, "+n:r:gsa:t:h:l:x:")) != -1) {
        switch (option) {
        case 'n': options.copies = atoi(optarg); break;
        case 'r': options.rounds = atoi(optarg); break;
        case 'g': options.gate = true; break;
        case 's': options.silent = true; break;
        case 'a': options.alarm = atoi(optarg); break;
        case 't': options.tty = optarg; break;
        case 'h': options.rhost = optarg; break;
        case 'l': options.login_uid = optarg; break;
        case 'x': options.second = optarg; break;
        default: return 2;
        }
    }
    if (argc - optind < 3)
        return 2;
    start_copies(&options, argv + optind, argc - optind - 3);
    int status, worst = 0;
    while (wait(&status) > 0) {
        if (!WIFEXITED(status) || WEXITSTATUS(status) > worst)
            worst = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    }
    return worst;
}
