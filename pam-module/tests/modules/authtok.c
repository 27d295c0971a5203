/*
 * A PAM module for tests, to stand before and behind the one under test.
 *   set=VALUE  sets PAM_AUTHTOK;  show  tells the application what PAM_AUTHTOK holds.
 *   judge=VALUE  lets in who has this PAM_AUTHTOK, and nobody else.
 * In a change it stands for the module of the password: it succeeds, and tells the application which
 * passes it ran.
 */
#include <security/pam_modules.h>
#include <stdio.h>
#include <string.h>

int pam_sm_authenticate(pam_handle_t *handle, int flags, int argc, const char **argv)
{
    (void)flags;
    for (int i = 0; i < argc; i++) {
        if (!strncmp(argv[i], "set=", 4)) pam_set_item(handle, PAM_AUTHTOK, argv[i] + 4);
        if (!strcmp(argv[i], "show")) {
            const void *token = NULL;
            char line[600];
            pam_get_item(handle, PAM_AUTHTOK, &token);
            snprintf(line, sizeof line, "SEEN_AUTHTOK=%s", token ? (const char *)token : "(none)");
            pam_putenv(handle, line);
        }
        if (!strncmp(argv[i], "judge=", 6)) {
            const void *token = NULL;
            pam_get_item(handle, PAM_AUTHTOK, &token);
            return token && !strcmp(token, argv[i] + 6) ? PAM_SUCCESS : PAM_AUTH_ERR;
        }
    }
    return PAM_IGNORE;
}

int pam_sm_chauthtok(pam_handle_t *handle, int flags, int argc, const char **argv)
{
    (void)argc; (void)argv;
    const char *before = pam_getenv(handle, "SEEN_PASSES");
    char line[64];
    snprintf(line, sizeof line, "SEEN_PASSES=%s%s", before ? before : "",
             flags & PAM_PRELIM_CHECK ? "first," : "second,");
    pam_putenv(handle, line);
    return PAM_SUCCESS;
}

int pam_sm_setcred(pam_handle_t *handle, int flags, int argc, const char **argv)
{
    (void)handle; (void)flags; (void)argc; (void)argv;
    return PAM_IGNORE;
}
