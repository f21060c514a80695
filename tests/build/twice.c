/* A helper header may include locust.h before the test does. */
#include "locust.h"
#include "program.c"
