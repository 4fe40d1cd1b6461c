; HyperLogLog: invariant live dots are seen by delta of add
; unsat means proved
(set-logic ALL)
(declare-fun |r| () Int)
(declare-fun |d| () Int)
(declare-fun |winner.number| () Int)
(declare-fun |winner.replica| () Int)
(declare-fun |some| () Bool)
(declare-fun |x0.number| () Int)
(declare-fun |x0.replica| () Int)
(define-fun t!1 () Bool (and |some| (= |winner.replica| |x0.replica|) (= |winner.number| |x0.number|)))
(assert (not (or (not (or (and (not |some|) (= |r| |x0.replica|) (= |d| |x0.number|)) t!1)) (and (= |r| |x0.replica|) (= |d| |x0.number|)) t!1)))
(check-sat)
