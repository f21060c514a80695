/* locust.h after system headers: fine, unless a strict -std hid what it needs in them. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/types.h>
#include <time.h>
#include "program.c"
