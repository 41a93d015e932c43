import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicLong;

/** The JVM with its just-in-time compilers, which use faults and stack guards of their own. */
public class JavaStd {
  static int fib(int n) {
    return n < 2 ? n : fib(n - 1) + fib(n - 2);
  }

  static int recurse(int n) {
    return recurse(n + 1) + 1;
  }

  static String pool() throws Exception {
    ExecutorService pool = Executors.newFixedThreadPool(4);
    List<Future<Integer>> futures = new ArrayList<>();
    for (int i = 0; i < 8; i++) {
      final int n = 18 + i;
      futures.add(pool.submit(() -> fib(n)));
    }
    long sum = 0;
    for (Future<Integer> future : futures) sum += future.get();
    pool.shutdown();
    return "pool " + sum;
  }

  static String threads() throws InterruptedException {
    ConcurrentHashMap<String, Integer> counts = new ConcurrentHashMap<>();
    AtomicLong total = new AtomicLong();
    int[] guarded = {0};
    Thread[] threads = new Thread[8];
    for (int t = 0; t < threads.length; t++) {
      threads[t] = new Thread(() -> {
        for (int i = 0; i < 5000; i++) {
          counts.merge("k" + i % 100, 1, Integer::sum);
          total.incrementAndGet();
          synchronized (guarded) {
            guarded[0]++;
          }
        }
      });
      threads[t].start();
    }
    for (Thread thread : threads) thread.join();
    long sum = counts.values().stream().mapToLong(Integer::longValue).sum();
    return "threads " + sum + " " + total.get() + " " + guarded[0];
  }

  static String faults() {
    String seen = "";
    // Often enough that compiled code relies on the fault instead of a test.
    for (int i = 0; i < 30_000; i++) {
      String text = i % 10_000 == 9_999 ? null : "x";
      try {
        text.length();
      } catch (NullPointerException e) {
        seen += "null ";
      }
    }
    try {
      recurse(0);
    } catch (StackOverflowError e) {
      seen += "stack ";
    }
    try {
      int zero = seen.length() - seen.length();
      seen += 1 / zero;
    } catch (ArithmeticException e) {
      seen += "division ";
    }
    try {
      long[][] much = new long[1000][];
      for (int i = 0; i < much.length; i++) much[i] = new long[1_000_000];
    } catch (OutOfMemoryError e) {
      seen += "memory";
    }
    return seen;
  }

  static String numbers() {
    double sum = 0;
    long hash = 7;
    for (int i = 1; i < 100_000; i++) {
      sum += Math.sin(i) / i + Math.sqrt(i) % 3;
      hash = hash * 31 + Long.rotateLeft(hash, i) + Double.doubleToLongBits(sum);
    }
    return "numbers " + sum + " " + hash;
  }

  static String files() throws IOException {
    Path path = Path.of("out.txt");
    Files.write(path, List.of("one", "two", "gr\u00fc\u00df"), StandardCharsets.UTF_8);
    return "files " + Files.size(path) + " " + Files.readAllLines(path).size();
  }

  public static void main(String[] args) throws Exception {
    System.out.println(pool());
    System.out.println(threads());
    System.out.println(faults());
    System.out.println(numbers());
    System.out.println(files());
    System.gc();
    System.exit(3);
  }
}
