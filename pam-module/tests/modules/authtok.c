/*
 * A PAM module for tests, to stand before and behind the one under test.
 *   set=VALUE  sets PAM_AUTHTOK;  show  tells the application what PAM_AUTHTOK holds.
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
    }
    return PAM_IGNORE;
}

int pam_sm_setcred(pam_handle_t *handle, int flags, int argc, const char **argv)
{
    (void)handle; (void)flags; (void)argc; (void)argv;
    return PAM_IGNORE;
}
