; GCounter: finite support merge
; unsat means proved
(set-logic ALL)
(declare-fun |k| () Int)
(declare-fun |a.counts| (Int) Int)
(declare-fun |b.counts| (Int) Int)
(assert (<= 0 (|a.counts| |k|)))
(assert (= (|a.counts| |k|) 0))
(assert (= 0 (|b.counts| |k|)))
(assert (not (= 0 (ite (< (|a.counts| |k|) (|b.counts| |k|)) (|b.counts| |k|) (|a.counts| |k|)))))
(check-sat)
