# SPDX-License-Identifier: Apache-2.0
"""Names of hosts that come and go: a library that answers for all names below ".farm". Those that a file lists are 127.0.0.1, the others do not exist."""
from pathlib import Path

from . import preload

_SOURCE = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <netdb.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef int resolver_t(const char *, const char *, const struct addrinfo *, struct addrinfo **);

static bool is_ours(const char *name)
{
    size_t size = name ? strlen(name) : 0;
    return size > 5 && strcmp(name + size - 5, ".farm") == 0;
}

static bool is_listed(const char *name)
{
    char line[256];
    bool found = false;
    FILE *file = fopen(getenv("NAMES_FILE"), "r");
    while (file && !found && fgets(line, sizeof(line), file)) {
        line[strcspn(line, "\n")] = '\0';
        found = strcmp(line, name) == 0;
    }
    if (file)
        fclose(file);
    return found;
}

int getaddrinfo(const char *restrict name, const char *restrict service, const struct addrinfo *restrict hints, struct addrinfo **restrict result)
{
    resolver_t *real = (resolver_t *)dlsym(RTLD_NEXT, "getaddrinfo");
    if (!is_ours(name))
        return real(name, service, hints, result);
    return is_listed(name) ? real("127.0.0.1", service, hints, result) : EAI_NONAME;
}
"""


class Names:
    """What names there are."""

    def __init__(self, directory: Path):
        self._file = directory / "names"
        self._library = preload.build(directory, "names", _SOURCE)
        self.know()

    @property
    def environment(self) -> dict[str, str]:
        """Of a process that is to ask here."""
        return {"LD_PRELOAD": str(self._library), "NAMES_FILE": str(self._file)}

    def know(self, *names: str) -> None:
        """From now on these are all."""
        self._file.write_text("".join(f"{name}\n" for name in names))
        self._file.chmod(0o644)
