; GCounter: associative
; unsat means proved
(set-logic ALL)
(declare-fun |k0| () Int)
(declare-fun |a.counts| (Int) Int)
(declare-fun |b.counts| (Int) Int)
(declare-fun |c.counts| (Int) Int)
(define-fun t!1 () Int (ite (< (|a.counts| |k0|) (|b.counts| |k0|)) (|b.counts| |k0|) (|a.counts| |k0|)))
(define-fun t!2 () Int (ite (< (|b.counts| |k0|) (|c.counts| |k0|)) (|c.counts| |k0|) (|b.counts| |k0|)))
(assert (not (= (ite (< t!1 (|c.counts| |k0|)) (|c.counts| |k0|) t!1) (ite (< (|a.counts| |k0|) t!2) t!2 (|a.counts| |k0|)))))
(check-sat)
