/* A PAM module that does what its argument says: what bad modules do to whoever calls them. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <security/pam_ext.h>
#include <security/pam_modules.h>

static int ask(pam_handle_t *handle, int style)
{
    char *answer = NULL;
    int result = pam_prompt(handle, style, &answer, "More: ");
    free(answer);
    return result == PAM_SUCCESS ? PAM_SUCCESS : PAM_CONV_ERR;
}

int pam_sm_authenticate(pam_handle_t *handle, int flags, int count, const char **arguments)
{
    const char *what = count > 0 ? arguments[0] : "";
    (void)flags;
    if (strcmp(what, "hangs") == 0)
        for (;;)
            pause();
    if (strcmp(what, "spins") == 0)
        for (volatile unsigned long turns = 0;; turns++)
            ;
    if (strcmp(what, "crashes") == 0)
        *(volatile int *)0 = 0;
    if (strcmp(what, "exits") == 0)
        exit(0);
    if (strcmp(what, "prints") == 0) {
        puts("R");
        fflush(stdout);
        return PAM_AUTH_ERR;
    }
    if (strcmp(what, "leaves-a-child") == 0) {
        if (fork() == 0)
            for (;;)
                pause();
        return PAM_SUCCESS;
    }
    if (strcmp(what, "has-nobody-to-ask") == 0)
        return PAM_AUTHINFO_UNAVAIL;
    if (strcmp(what, "ignores") == 0)
        return PAM_IGNORE;
    if (strcmp(what, "asks-in-clear") == 0)
        return ask(handle, PAM_PROMPT_ECHO_ON);
    if (strcmp(what, "asks-for-ever") == 0)
        while (ask(handle, PAM_PROMPT_ECHO_OFF) == PAM_SUCCESS)
            ;
    if (strcmp(what, "renames") == 0)
        return pam_set_item(handle, PAM_USER, "jiro");
    if (strcmp(what, "tells-its-surroundings") == 0) {
        const char *remote = NULL;
        pam_get_item(handle, PAM_RHOST, (const void **)&remote);
        if (getenv("SECRET_OF_THE_DAEMON") != NULL || getenv("PATH") == NULL)
            return PAM_AUTH_ERR;
        return remote && strcmp(remote, "192.0.2.7") == 0 ? PAM_SUCCESS : PAM_AUTH_ERR;
    }
    return PAM_SERVICE_ERR;
}

int pam_sm_setcred(pam_handle_t *handle, int flags, int count, const char **arguments)
{
    (void)handle, (void)flags, (void)count, (void)arguments;
    return PAM_SUCCESS;
}

int pam_sm_acct_mgmt(pam_handle_t *handle, int flags, int count, const char **arguments)
{
    (void)handle, (void)flags, (void)count, (void)arguments;
    return PAM_SUCCESS;
}
