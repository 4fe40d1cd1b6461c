; CausalContext: invariant beyond_is_beyond by delta of observe
; unsat means proved
(set-logic ALL)
(declare-fun |d.number| () Int)
(declare-fun |d.replica| () Int)
(declare-fun |this.vector| (Int) Int)
(declare-fun |this.beyond| (Int Int) Bool)
(declare-fun |d0.number| () Int)
(declare-fun |d0.replica| () Int)
(assert (<= 1 |d0.number|))
(assert (not (or (not (and (not (or (not (< (|this.vector| |d.replica|) |d.number|)) (|this.beyond| |d.replica| |d.number|))) (= |d.replica| |d0.replica|) (= |d.number| |d0.number|))) (< 0 |d0.number|))))
(check-sat)
