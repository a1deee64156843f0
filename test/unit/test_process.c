/* SPDX-License-Identifier: Apache-2.0 */
#include "base/process.h"

#include "tap.h"

#include <sys/wait.h>
#include <unistd.h>

int main(void)
{
    pid_t child = fork();
    if (child == 0)
        _exit(0);
    ok(!mp_process_is_gone(child), "a child that nobody waited for is there");
    waitpid(child, NULL, 0);
    ok(mp_process_is_gone(child), "then it is gone");
    ok(!mp_process_is_gone(getpid()) && !mp_process_is_gone(1), "others are not, whoever they belong to");
    ok(!mp_process_is_gone(0) && !mp_process_is_gone(-1), "what is no process is not gone either");
    return tap_done();
}
