/* ============================================================================================
 * >>hgrm  --hgrm
 *
 * Purpose     percentiles in the format of HdrHistogram, which its plotters read.
 * Cost        one walk over the histogram.
 * Names       locust__hgrm_
 * Sources     HdrHistogram's outputPercentileDistribution, from its documentation.
 * ============================================================================================ */

/* Prints the distribution. A line for each percentile level that the counts reach: the levels go
 * up in five steps to 50 %, in five more to 75 %, to 87.5 %, and so on, halving the rest each
 * time. */
LOCUST__COLD static void locust__hgrm_write(locust__buf *out, const locust__hist *h, int64_t max_ns)
{
    double level = 0, ticks, sum = 0, mean;
    uint64_t seen = 0, count;
    int64_t ns;
    locust__buf_printf(
        out, "%12s %14s %10s %14s\n\n", "Value", "Percentile", "TotalCount", "1/(1-Percentile)");
    for (size_t at = 0; locust__hist_next(h, &at, &ns, &count);) {
        ns = ns < max_ns ? ns : max_ns;
        seen += count;
        sum += (double)count * (double)ns;
        while (seen < h->total && 100.0 * (double)seen / (double)h->total >= level) {
            locust__buf_printf(out, "%12.3f %2.12f %10llu %14.2f\n", (double)ns / 1e6, level / 100,
                (unsigned long long)seen, 100 / (100 - level));
            for (ticks = 10; 100 - level <= 1000 / ticks / 2 * 1.0000001; ticks *= 2)
                ;
            level += 100 / ticks;
        }
    }
    if (seen)
        locust__buf_printf(
            out, "%12.3f %2.12f %10llu\n", (double)max_ns / 1e6, 1.0, (unsigned long long)seen);
    mean = seen ? sum / (double)seen : 0;
    locust__buf_printf(out,
        "#[Mean    = %12.3f, StdDeviation   = %12.3f]\n#[Max     = %12.3f, Total count    = "
        "%12llu]\n#[Buckets = %12d, SubBuckets     = %12d]\n",
        mean / 1e6, locust__hist_deviation(h, mean) / 1e6, (double)max_ns / 1e6,
        (unsigned long long)seen, (int)LOCUST__HIST_OCTAVES, (int)LOCUST__HIST_OCTAVE);
}
