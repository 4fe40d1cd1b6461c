; MaxMap: theorem others_untouched
; unsat means proved
(set-logic ALL)
(declare-fun |k| () Int)
(declare-fun |j| () Int)
(declare-fun |o| () Int)
(declare-fun |s.obs| (Int Int) Bool)
(declare-fun |Max.delta.obs| (Int) Bool)
(assert (not (or (= |k| |j|) (= (|s.obs| |j| |o|) (or (|s.obs| |j| |o|) (and (= |k| |j|) (|Max.delta.obs| |o|)))))))
(check-sat)
