// hist_precision.c - asks a histogram about times from 1 us to 1 h, and prints the largest error: the
// distance of what it says from the time, less the half microsecond of the rounding, as a share of the time.
#include "locust.h"

int main(void)
{
    double worst = 0;
    for (double us = 1; us < 3.6e9; us *= 1.0007) {
        locust__hist h = {0};
        double said, off;
        if (!locust__hist_record(&h, (int64_t)(us * 1000)))
            return 1;
        said = (double)locust__hist_percentile_ns(&h, 0.5) / 1000;
        off = (said > us ? said - us : us - said) - 0.5;
        worst = off / us > worst ? off / us : worst;
        locust__hist_free(&h);
    }
    printf("%.6f\n", worst);
    return 0;
}
