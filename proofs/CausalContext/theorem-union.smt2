; CausalContext: theorem union
; unsat means proved
(set-logic ALL)
(declare-fun |d.number| () Int)
(declare-fun |d.replica| () Int)
(declare-fun |s.vector| (Int) Int)
(declare-fun |t.vector| (Int) Int)
(declare-fun |s.beyond| (Int Int) Bool)
(declare-fun |t.beyond| (Int Int) Bool)
(define-fun t!1 () Bool (< (ite (< (|s.vector| |d.replica|) (|t.vector| |d.replica|)) (|t.vector| |d.replica|) (|s.vector| |d.replica|)) |d.number|))
(define-fun t!2 () Bool (|s.beyond| |d.replica| |d.number|))
(define-fun t!3 () Bool (|t.beyond| |d.replica| |d.number|))
(assert (not (= (or (not t!1) (and (or t!2 t!3) t!1)) (or (not (< (|s.vector| |d.replica|) |d.number|)) t!2 (not (< (|t.vector| |d.replica|) |d.number|)) t!3))))
(check-sat)
