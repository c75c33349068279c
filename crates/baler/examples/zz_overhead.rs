use baler::*;
fn cpu() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    (fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap()) / 100.0
}
fn main() {
    let path = std::env::args().nth(1).unwrap();
    let data = read(path.as_ref(), &ReadOptions::default()).unwrap();
    for method in [Method::Classical, Method::Auto] {
        let options = Options {
            method,
            fast: true,
            threads: Threads::new(1).unwrap(),
            ..Options::new(BoundSpec::Rel(1e-3))
        };
        let (at, t) = (cpu(), std::time::Instant::now());
        let bytes = compress(&data, &options).unwrap();
        println!(
            "compress {:?} cpu {:.2} wall {:.2} bytes {}",
            method,
            cpu() - at,
            t.elapsed().as_secs_f64(),
            bytes.len()
        );
        let (at, t) = (cpu(), std::time::Instant::now());
        let o = DecompressOptions { threads: Threads::new(1).unwrap(), ..Default::default() };
        let back = decompress_with(&bytes, &o, &mut NoProgress).unwrap();
        println!(
            "decompress cpu {:.2} wall {:.2} {}",
            cpu() - at,
            t.elapsed().as_secs_f64(),
            back.size_bytes()
        );
    }
}
