//! Sets of integers.

use base::Rng;
use structs::intset::{self, Intset};

use crate::redis::Redis;

#[test]
fn a_set_is_the_same_bytes() {
    let Some(mut redis) = Redis::start() else {
        return;
    };
    let mut rng = Rng::new(9);
    for shift in [50, 49, 47, 33, 31, 20, 0] {
        redis.ask(&[b"DEL", b"s"]);
        let mut ours = Vec::new();
        intset::create(&mut ours);
        for step in 0..200 {
            let member = rng.next_u64() as i64 >> shift;
            // The widest comes last, and some go again.
            let member = if step < 100 { member / 1_000 } else { member };
            redis.ask(&[b"SADD", b"s", member.to_string().as_bytes()]);
            intset::insert(&mut ours, member);
            if step % 3 == 2 {
                let gone = Intset::new(&ours)
                    .random(&mut rng)
                    .expect("it is not empty");
                redis.ask(&[b"SREM", b"s", gone.to_string().as_bytes()]);
                intset::remove(&mut ours, gone);
            }
        }
        let mut dumped = redis.dump(b"s");
        assert_eq!(dumped.type_byte, 11);
        assert!(dumped.string() == ours && dumped.is_over());
        Intset::check(&ours).expect("a sound set");
    }
}
